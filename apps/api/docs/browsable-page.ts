type Json = Record<string, unknown>;

interface OperationJson {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly description?: string }[];
  readonly requestBody?: Json;
  readonly responses: Json;
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

function operationHtml(path: string, method: string, operation: OperationJson): string {
  const parameters = operation.parameters
    .map(
      ({ name, in: where, description = '' }) =>
        `<tr><td><code>${escape(name)}</code></td><td>${where}</td><td>${escape(description)}</td></tr>`,
    )
    .join('');
  const body = operation.requestBody
    ? `<h4>Body</h4><pre>${escape(JSON.stringify(operation.requestBody, null, 2))}</pre>`
    : '';
  return `<details id="${escape(operation.operationId)}"><summary><b>${method.toUpperCase()}</b> <code>${escape(path)}</code> ${escape(operation.summary)}</summary>
<p>Operation <code>${escape(operation.operationId)}</code>, answers ${escape(Object.keys(operation.responses).join(', '))}</p>
${parameters ? `<table>${parameters}</table>` : ''}${body}</details>`;
}

/** The API document as one page that needs nothing from elsewhere. */
export function browsablePage(document: Json): string {
  const byTag = new Map<string, string[]>();
  for (const [path, item] of Object.entries(document['paths'] as Record<string, Record<string, OperationJson>>))
    for (const [method, operation] of Object.entries(item)) {
      const tag = operation.tags[0] ?? '';
      byTag.set(tag, [...(byTag.get(tag) ?? []), operationHtml(path, method, operation)]);
    }
  const sections = [...byTag].map(([tag, parts]) => `<h2>${escape(tag)}</h2>${parts.join('\n')}`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>REST API</title>
<style>body{font:15px/1.5 system-ui;max-width:70rem;margin:2rem auto;padding:0 1rem}summary{cursor:pointer;padding:.2rem 0}
table{border-collapse:collapse}td{border-top:1px solid #ddd;padding:.2rem .6rem;vertical-align:top}pre{background:#f6f6f6;padding:.6rem;overflow:auto}</style>
<h1>REST API</h1><p>The same as <a href="/pulp/api/v3/docs/api.json">api.json</a> and <a href="/pulp/api/v3/docs/api.yaml">api.yaml</a>.</p>
${sections.join('\n')}</html>`;
}
