/** Waiters of one process for one lock, first come first served. */
export class Line {
  private readonly waiting: (() => void)[] = [];
  private occupied = false;

  get empty(): boolean {
    return !this.occupied && this.waiting.length === 0;
  }

  /** Waits for its turn; gives the function that ends it, or undefined where the turn didn't come within `limitMs`. */
  async enter(limitMs = Infinity): Promise<(() => void) | undefined> {
    if (this.occupied) {
      if (limitMs <= 0) return undefined;
      const came = await this.turn(limitMs);
      if (!came) return undefined;
    }
    this.occupied = true;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.occupied = false;
      this.waiting.shift()?.();
    };
  }

  private async turn(limitMs: number): Promise<boolean> {
    return await new Promise<boolean>((resolve) => {
      const timer = Number.isFinite(limitMs)
        ? setTimeout(() => {
            this.waiting.splice(this.waiting.indexOf(come), 1);
            resolve(false);
          }, limitMs)
        : undefined;
      const come = (): void => {
        clearTimeout(timer);
        // Taken here, so that nobody slips in before this waiter's promise is noticed.
        this.occupied = true;
        resolve(true);
      };
      this.waiting.push(come);
    });
  }
}
