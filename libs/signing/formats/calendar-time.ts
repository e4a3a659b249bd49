/** True for a text `YYYY-MM-DDThh:mm:ss` that is in the calendar: no 30 February, no hour 24, no leap second. */
export function isCalendarTime(text: string): boolean {
  const time = new Date(`${text}Z`);
  return !Number.isNaN(time.getTime()) && time.toISOString().slice(0, 19) === text;
}
