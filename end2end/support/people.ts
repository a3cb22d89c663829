// Accounts for one test each, so that no test reaches another's limits or sessions.
import type { Secrets } from './secrets';
import type { Service } from './service';

export type Person = { email: string; name: string; password: string };

export const PASSWORD = 'correct horse battery staple';
export const NEW_PASSWORD = 'plum tractor violet harbour';
export const ORGANIZATION = 'Analytical Engines Ltd';
export const ADMINISTRATOR = { name: 'Charles Babbage', email: 'it-help@example.com' };

let count = 0;

export class People {
  constructor(
    private readonly service: Service,
    private readonly secrets: Secrets,
  ) {}

  /** An address without an account. */
  stranger(domain = 'example.com'): Person {
    count += 1;
    const person = { email: `p${process.pid}x${count}@${domain}`, name: 'Robin Doe', password: PASSWORD };
    this.secrets.keepFromUrls(person.email);
    this.secrets.keep(PASSWORD);
    this.secrets.keep(NEW_PASSWORD);
    return person;
  }

  /** An account with a local password. */
  async local(options: { domain?: string; language?: string } = {}): Promise<Person> {
    const person = this.stranger(options.domain);
    const language = options.language ? ['--language', options.language] : [];
    await this.add(person, ['--password-stdin', ...language], person.password);
    return person;
  }

  /** An account that signs in with Google. */
  async google(): Promise<Person> {
    const person = this.stranger();
    await this.add(person, ['--google']);
    return person;
  }

  /** An account whose organization keeps the password. */
  async managed(): Promise<Person> {
    const person = this.stranger();
    await this.add(person, [
      '--organization',
      ORGANIZATION,
      '--administrator-name',
      ADMINISTRATOR.name,
      '--administrator-email',
      ADMINISTRATOR.email,
    ]);
    return person;
  }

  /** A deactivated account. */
  async switchedOff(): Promise<Person> {
    const person = await this.local();
    await this.service.run(['user', 'disable', '--email', person.email]);
    return person;
  }

  /** Assigned to an organization but still signed in: a state that another server may show for a moment. */
  async becomeManaged(person: Person): Promise<void> {
    await this.service.sql(
      `INSERT OR IGNORE INTO organizations (id, name, administrator_name, administrator_email, created_at)
         VALUES ('engines', '${ORGANIZATION}', '${ADMINISTRATOR.name}', '${ADMINISTRATOR.email}', 0);
       UPDATE accounts SET kind = 'managed', password = NULL,
         organization_id = (SELECT id FROM organizations WHERE name = '${ORGANIZATION}') WHERE email = '${person.email}';`,
    );
  }

  /** Still signed in, with the password at Google: a state that only the provider's sign-in will create. */
  async becomeGoogles(person: Person): Promise<void> {
    await this.service.sql(`UPDATE accounts SET kind = 'google', password = NULL WHERE email = '${person.email}';`);
  }

  private add(person: Person, words: string[], typed?: string): Promise<string> {
    return this.service.run(['user', 'add', '--email', person.email, '--name', person.name, ...words], typed);
  }
}
