// "If you sign in with a third-party provider (Google)": the e-mail explains it, and the screens hide it.
import type { Page } from '@playwright/test';
import { expectRefusal, submitPassword, toPassword, toResetCode, wordsOf, WRONG } from '../support/journeys';
import { ADMINISTRATOR, ORGANIZATION, type Person } from '../support/people';
import { codeIn } from '../support/post';
import { SENDER_CODES } from '../support/service';
import { expect, test } from '../support/test';

test('a reset refers a Google account to Google', async ({ page, people, post }) => {
  const person = await people.google();
  await toResetCode(page, person.email);
  const message = await post.email(person.email, () => true, 'an answer');
  expect(message.from).toContain(SENDER_CODES);
  expect(message.text).toContain('Google');
  expect(message.html).toContain('Google');
  expect(codeIn(message)).toBeUndefined();
});

test('a reset refers a managed account to its administrator', async ({ page, people, post }) => {
  const person = await people.managed();
  await toResetCode(page, person.email);
  const message = await post.email(person.email, () => true, 'an answer');
  for (const part of [message.text, message.html]) {
    expect(part).toContain(ORGANIZATION);
    expect(part).toContain(ADMINISTRATOR.name);
    expect(part).toContain(ADMINISTRATOR.email);
  }
  expect(codeIn(message)).toBeUndefined();
});

test('a reset e-mail to an address without an account says so', async ({ page, people, post }) => {
  const person = people.stranger();
  await toResetCode(page, person.email);
  const message = await post.email(person.email, () => true, 'an answer');
  expect(message.text).toMatch(/There’s no .*account with this e-mail address/);
  expect(codeIn(message)).toBeUndefined();
});

test('reset screens are the same for every kind of address', async ({ page, people, post }) => {
  const kinds: [string, Person][] = [
    ['local', await people.local()],
    ['Google', await people.google()],
    ['managed', await people.managed()],
    ['switched off', await people.switchedOff()],
    ['unknown', people.stranger()],
  ];
  const screens: Record<string, string> = {};
  for (const [kind, person] of kinds) {
    await toResetCode(page, person.email);
    screens[kind] = await words(page, person);
    await post.email(person.email, () => true, 'exactly one answer');
    expect(await post.all(person.email)).toHaveLength(1);
    await page.context().clearCookies();
  }
  for (const [kind] of kinds) expect(screens[kind], kind).toBe(screens.local);
});

test('a password is refused in the same words for every kind of address', async ({ page, people }) => {
  const kinds: [string, Person, string][] = [
    ['local', await people.local(), 'not the right password'],
    ['Google', await people.google(), 'not the right password'],
    ['managed', await people.managed(), 'not the right password'],
    ['unknown', people.stranger(), 'not the right password'],
  ];
  const switchedOff = await people.switchedOff();
  kinds.push(['switched off', switchedOff, switchedOff.password]);
  const screens: Record<string, string> = {};
  for (const [kind, person, password] of kinds) {
    await toPassword(page, person.email);
    await submitPassword(page, password);
    await expectRefusal(page, WRONG, 'Password');
    screens[kind] = await words(page, person);
    await page.context().clearCookies();
  }
  for (const [kind] of kinds) expect(screens[kind], kind).toBe(screens.local);
});

/** The page's text, without the parts that differ between requests. */
async function words(page: Page, person: Person): Promise<string> {
  const text = await wordsOf(page);
  return text
    .replaceAll(person.email, 'ADDRESS')
    .replace(/Request [A-Z]\d/g, 'LABEL')
    .replace(/\d\d:\d\d/g, 'TIME')
    .replace(/\d+ seconds?/g, 'WAIT');
}
