// Accounts for one test each, so that no test reaches another's limits or sessions.
import type { Secrets } from './secrets';
import type { Service } from './service';

export type User = { email: string; name: string; password: string };

export const PASSWORD = 'correct horse battery staple';
export const NEW_PASSWORD = 'plum tractor violet harbour';
export const ORGANIZATION = 'Analytical Engines Ltd';
export const ADMINISTRATOR = { name: 'Charles Babbage', email: 'it-help@example.com' };

let count = 0;

export class Users {
  constructor(
    private readonly service: Service,
    private readonly secrets: Secrets,
  ) {}

  /** An address without an account. */
  unregistered(domain = 'example.com'): User {
    count += 1;
    const user = { email: `p${process.pid}x${count}@${domain}`, name: 'Robin Doe', password: PASSWORD };
    this.secrets.keepFromUrls(user.email);
    this.secrets.keep(PASSWORD);
    this.secrets.keep(NEW_PASSWORD);
    return user;
  }

  /** An account with a local password. */
  async local(options: { domain?: string; language?: string } = {}): Promise<User> {
    const user = this.unregistered(options.domain);
    const language = options.language ? ['--language', options.language] : [];
    await this.add(user, ['--password-stdin', ...language], user.password);
    return user;
  }

  /** An account that signs in with Google. */
  async google(): Promise<User> {
    const user = this.unregistered();
    await this.add(user, ['--provider', 'google']);
    return user;
  }

  /** An account whose organization keeps the password. */
  async managed(): Promise<User> {
    const user = this.unregistered();
    await this.add(user, [
      '--organization',
      ORGANIZATION,
      '--administrator-name',
      ADMINISTRATOR.name,
      '--administrator-email',
      ADMINISTRATOR.email,
    ]);
    return user;
  }

  /** A deactivated account. */
  async deactivated(): Promise<User> {
    const user = await this.local();
    await this.service.run(['user', 'disable', '--email', user.email]);
    return user;
  }

  /** Assigned to an organization but still signed in: a state that another server may show for a moment. */
  async becomeManaged(user: User): Promise<void> {
    await this.service.sql(
      `INSERT OR IGNORE INTO organizations (id, name, administrator_name, administrator_email, created_at)
         VALUES ('engines', '${ORGANIZATION}', '${ADMINISTRATOR.name}', '${ADMINISTRATOR.email}', 0);
       UPDATE accounts SET managed_by = (SELECT id FROM organizations WHERE name = '${ORGANIZATION}')
        WHERE email = '${user.email}';`,
    );
  }

  /** An address of the organization, whose members sign in with its own provider. */
  async member(): Promise<User> {
    await this.service.sql(
      `INSERT OR IGNORE INTO organizations (id, name, administrator_name, administrator_email, created_at)
         VALUES ('engines', '${ORGANIZATION}', '${ADMINISTRATOR.name}', '${ADMINISTRATOR.email}', 0);
       UPDATE organizations SET provider = 'engines' WHERE name = '${ORGANIZATION}';
       INSERT OR IGNORE INTO organization_domains (organization_id, domain, proof, created_at, verified_at)
         SELECT id, 'engines.example', 'proof', 0, 0 FROM organizations WHERE name = '${ORGANIZATION}';`,
    );
    return this.unregistered('engines.example');
  }

  private add(user: User, words: string[], typed?: string): Promise<string> {
    return this.service.run(['user', 'add', '--email', user.email, '--name', user.name, ...words], typed);
  }
}
