/** How much usage a stream of chat shall bring: `as_asked` leaves the options of the client alone. */
export type UsageWish = 'as_asked' | 'final' | 'continuous';

/** A request's body, as the gateway understands it. The bytes stay as the caller sent them. */
export interface Body {
  readonly bytes: Buffer;
  readonly model: string;
  /** `stream` is true. */
  readonly stream: boolean;
  /** Usage at the end of a stream is the client's to see. */
  readonly includeUsage: boolean;
  /** So is usage in every event. */
  readonly continuousUsage: boolean;
  /** The body with another model in it, and the wish for usage where it can carry one; every other byte as it was. */
  splice(model: string, usage: UsageWish): Buffer;
}
