import type { Repository, TokenBlacklist } from "../contracts/core";

/**
 * Tokens that were signed out, asked of the database at each request: one indexed look-up. The plugin auth keeps a
 * filter in each process's memory, by which a token signed out on one replica would live on at the others.
 */
export class SharedTokenBlacklist implements TokenBlacklist {
  constructor(private readonly repository: () => Repository) {}

  async has(token: string): Promise<boolean> {
    return (await this.repository().findOne({ filter: { token }, fields: ["id"], raw: true })) !== null;
  }

  async add(values: { token: string; expiration: string | Date }): Promise<unknown> {
    const repository = this.repository();
    await repository.destroy({ filter: { expiration: { $dateNotAfter: new Date() } } });
    return repository.model.findOrCreate({ defaults: values, where: { token: values.token } });
  }
}
