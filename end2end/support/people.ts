// People made for one test each, so that no test meets another's limits or sessions.
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

  /** An address that nobody has. */
  stranger(domain = 'example.com'): Person {
    count += 1;
    const person = { email: `p${process.pid}x${count}@${domain}`, name: 'Robin Doe', password: PASSWORD };
    this.secrets.keepFromUrls(person.email);
    this.secrets.keep(PASSWORD);
    this.secrets.keep(NEW_PASSWORD);
    return person;
  }

  /** Somebody whose password is kept here. */
  async local(options: { domain?: string; language?: string } = {}): Promise<Person> {
    const person = this.stranger(options.domain);
    const language = options.language ? ['--language', options.language] : [];
    await this.add(person, ['--password-stdin', ...language], person.password);
    return person;
  }

  /** Somebody who signs in with Google. */
  async google(): Promise<Person> {
    const person = this.stranger();
    await this.add(person, ['--google']);
    return person;
  }

  /** Somebody whose organization keeps the password. */
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

  /** Somebody whose account an operator has switched off. */
  async switchedOff(): Promise<Person> {
    const person = await this.local();
    await this.service.run(['user', 'disable', '--email', person.email]);
    return person;
  }

  /** As after a take-over by the organization, but still signed in: what another server may show for a moment. */
  async becomeManaged(person: Person): Promise<void> {
    await this.service.sql(
      `INSERT OR IGNORE INTO organizations (id, name, administrator_name, administrator_email, created_at)
         VALUES ('engines', '${ORGANIZATION}', '${ADMINISTRATOR.name}', '${ADMINISTRATOR.email}', 0);
       UPDATE accounts SET kind = 'managed', password = NULL,
         organization_id = (SELECT id FROM organizations WHERE name = '${ORGANIZATION}') WHERE email = '${person.email}';`,
    );
  }

  /** Still signed in, and the password at Google: what only the provider's own door will make. */
  async becomeGoogles(person: Person): Promise<void> {
    await this.service.sql(`UPDATE accounts SET kind = 'google', password = NULL WHERE email = '${person.email}';`);
  }

  private add(person: Person, words: string[], typed?: string): Promise<string> {
    return this.service.run(['user', 'add', '--email', person.email, '--name', person.name, ...words], typed);
  }
}
