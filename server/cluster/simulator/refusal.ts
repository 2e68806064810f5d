/** A request that the engine refuses. Thrown where it is noticed; the personality words it. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly status: number;
  /** The field that is wrong. */
  readonly param: string | undefined;

  constructor(status: number, message: string, param?: string) {
    super(message);
    this.status = status;
    this.param = param;
  }
}
