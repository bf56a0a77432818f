/** Passes each trouble on once, not at every try, until all is well again. */
export class Warnings {
  private last = "";

  constructor(private readonly say: (message: string) => void) {}

  warn(message: string): void {
    if (message === this.last) return;
    this.last = message;
    this.say(message);
  }

  clear(): void {
    this.last = "";
  }
}
