// "If you don’t receive the email": where to look, whom to ask, how to get another e-mail.
import { arrive, button, expectRefusal, field, link, open, submitCode, toResetCode, unfoldHelp } from '../support/journeys';
import { look } from '../support/look';
import { hasApp } from '../support/mode';
import { otherThan } from '../support/post';
import { SENDER_CODES, SENDER_NOTICES } from '../support/service';
import { expect, test } from '../support/test';

test('the page mentions the spam folder and both senders', async ({ page, users }) => {
  const user = await users.local();
  await toResetCode(page, user.email);
  const line = page.getByRole('main').getByText('Not in your inbox?');
  await expect(line).toBeVisible();
  await expect(line).toHaveText(`Not in your inbox? Look for an e-mail from ${SENDER_CODES} in your spam or junk folder.`);
  const help = await unfoldHelp(page);
  await expect(help).toContainText('Check your spam or junk folder');
  await expect(help.getByText(SENDER_CODES, { exact: true })).toBeVisible();
  await expect(help.getByText(SENDER_NOTICES, { exact: true })).toBeVisible();
  await expect(help).toContainText(`Check the address: ${user.email}`);
  await look(page, 'reset-code-help');
});

test('both senders and the text for IT can be copied', async ({ page, context, users }) => {
  test.skip(!hasApp(), 'copying needs scripts');
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const user = await users.local();
  await toResetCode(page, user.email);
  const help = await unfoldHelp(page);
  for (const sender of [SENDER_CODES, SENDER_NOTICES]) {
    await help.getByRole('button', { name: `Copy ${sender}`, exact: true }).click();
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(sender);
  }
  await help.getByRole('button', { name: 'Copy the text for IT', exact: true }).click();
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await expect.poll(copied).toContain(SENDER_NOTICES);
  expect(await copied()).toContain(SENDER_CODES);
  expect(await copied()).toContain('/help/allowlist');
  expect((await copied()).split('\n'), 'each address on its own line').toEqual(expect.arrayContaining([SENDER_CODES, SENDER_NOTICES]));
});

test('copy buttons are hidden without scripts', async ({ page, users }) => {
  test.skip(hasApp(), 'with scripts they copy');
  const user = await users.local();
  await toResetCode(page, user.email);
  const help = await unfoldHelp(page);
  await expect(help).toContainText('ask your IT team to allowlist both addresses');
  await expect(help).toContainText(SENDER_CODES);
  await expect(help.getByRole('button', { name: /^Copy/ })).toHaveCount(0);
});

test('the page for IT is public and lists what to allow', async ({ page, users }) => {
  const user = await users.local();
  await toResetCode(page, user.email);
  const help = await unfoldHelp(page);
  const address = await help.getByRole('link', { name: 'Information for your IT team' }).getAttribute('href');
  expect(address).toBe('/help/allowlist');
  await open(page, '/help/allowlist', 'Allowlist our e-mails');
  const main = page.getByRole('main');
  for (const words of [SENDER_CODES, SENDER_NOTICES, 'signin.rekey.example', 'Microsoft 365', 'Google Workspace']) {
    await expect(main).toContainText(words);
  }
  await look(page, 'help-allowlist');
});

test('a link opens the webmail of a known provider', async ({ page, users }) => {
  const known = [
    ['gmail.com', 'Gmail', 'https://mail.google.com/'],
    ['outlook.com', 'Outlook', 'https://outlook.live.com/'],
    ['yahoo.com', 'Yahoo', 'https://mail.yahoo.com/'],
    ['icloud.com', 'iCloud', 'https://www.icloud.com/mail'],
    ['proton.me', 'Proton', 'https://mail.proton.me/'],
  ] as const;
  for (const [domain, name, address] of known) {
    await toResetCode(page, users.unregistered(domain).email);
    const mailbox = page.getByRole('main').getByRole('link', { name: new RegExp(`^Open .*${name}`) });
    await expect(mailbox).toBeVisible();
    expect(await mailbox.getAttribute('href')).toContain(address);
    await page.context().clearCookies();
  }
  await toResetCode(page, users.unregistered().email);
  await expect(page.getByRole('main').getByRole('link', { name: /^Open / })).toHaveCount(0);
});

test('a new code can be requested after the wait, and the older one spends no try', async ({ page, users, post }) => {
  test.setTimeout(150_000);
  const user = await users.local();
  await toResetCode(page, user.email);
  const older = await post.code(user.email, 8);

  await test.step('an early request shows the wait and sends nothing', async () => {
    await button(page, 'Send a new passcode').click();
    await expectRefusal(page, /You can’t request another passcode yet\. Try again in \d+ seconds?\./);
    expect(await post.all(user.email)).toHaveLength(1);
  });

  await test.step('the page shows the wait', async () => {
    await page.reload();
    await arrive(page, 'Check your e-mail');
    await expect(page.getByText(/You can request a new passcode in \d+ seconds?\./)).toBeVisible();
  });

  await test.step('after it a new code comes', async () => {
    const ready = page.getByText('You can request a new passcode now.');
    if (hasApp()) {
      await expect(ready).toBeVisible({ timeout: 45_000 });
    } else {
      await expect(async () => {
        await page.reload();
        await expect(ready).toBeVisible({ timeout: 500 });
      }).toPass({ intervals: [3_000], timeout: 45_000 });
    }
    expect(await post.all(user.email), 'a reload sends nothing').toHaveLength(1);
    await button(page, 'Send a new passcode').click();
    await expect(page.getByRole('status')).toHaveText('A new passcode is on its way.');
  });
  const newest = await post.code(user.email, 8);

  await test.step('the older one is recognized, twice without cost', async () => {
    await expect(page.getByText(/You can request a new passcode in \d+ (seconds?|minutes?)\./)).toBeVisible();
    await submitCode(page, older);
    // Without times if both e-mails were sent in the same minute.
    const fromAnOlderEmail = /That passcode is from (the e-mail sent at \d\d:\d\d( UTC)?\. Use the one sent at \d\d:\d\d|an earlier e-mail\.)/;
    await expectRefusal(page, fromAnOlderEmail, 'One-time passcode');
    await look(page, 'reset-code-older');
    await submitCode(page, otherThan(newest, otherThan(newest) === older ? 2 : 1));
    await expectRefusal(page, 'You have 4 tries left.', 'One-time passcode');
  });

  await test.step('the newest one works', async () => {
    await submitCode(page, newest);
    await arrive(page, 'Choose a new password');
  });
});

test('a request over the hourly budget shows the wait of the budget', async ({ page, users, post, service }) => {
  const user = await users.local();
  await toResetCode(page, user.email);
  const resend = async () => {
    await service.sql(`UPDATE flows SET resend_at = 0 WHERE email = '${user.email}';`);
    await button(page, 'Send a new passcode').click();
  };
  for (let sent = 1; sent < 5; sent += 1) {
    await expect.poll(async () => (await post.all(user.email)).length).toBe(sent);
    await resend();
  }
  await expect.poll(async () => (await post.all(user.email)).length).toBe(5);
  await resend();
  await expectRefusal(page, /Too many requests\. Try again in \d+ minutes\./);
  await expect(page.getByText(/You can request a new passcode in \d+ minutes\./)).toBeVisible();
  await page.reload();
  await arrive(page, 'Check your e-mail');
  await expect(page.getByText(/You can request a new passcode in \d+ minutes\./)).toBeVisible();
});

test('the code field comes first, and the facts about the e-mail follow', async ({ page, users }) => {
  await page.setViewportSize({ width: 320, height: 568 });
  const user = await users.local();
  await toResetCode(page, user.email);
  await page.evaluate(() => scrollTo(0, 0));
  await expect(field(page, 'One-time passcode')).toBeInViewport({ ratio: 1 });
  await expect(page.getByRole('main')).toHaveText(/One-time passcode.*Next.*Subject.*Not in your inbox.*Send a new passcode/s);
});

test('the code page links to help', async ({ page, users }) => {
  const user = await users.local();
  await toResetCode(page, user.email);
  const help = await unfoldHelp(page);
  await help.getByRole('link', { name: 'Get help' }).click();
  await arrive(page, 'Help');
  await expect(page.getByRole('main')).toContainText(SENDER_CODES);
  await look(page, 'help');
  await link(page, 'Reset your password').click();
  // The open reset continues.
  await arrive(page, 'Check your e-mail');
  await expect(field(page, 'One-time passcode')).toBeVisible();
});
