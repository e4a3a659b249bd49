import { Controller, Get, Redirect } from '@nestjs/common';
import { API_ROOT } from '../rest/models.js';

/** Leads who opens the address of the server in a browser to the page about the REST API. */
@Controller()
export class RootController {
  @Get()
  @Redirect(`${API_ROOT}docs/`)
  open(): void {
    // The decorator answers.
  }
}
