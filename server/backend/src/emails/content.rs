//! The content of each e-mail, block by block, with texts from the catalogue.

use super::page::{Block, Content};
use super::words::Words;
use account::{
    Challenge, CodeEmail, Email, FailureCause, InvitationEmail, Notice, Organization, PasswordAccess, Provider,
    Purpose, Request, Timestamp,
};

pub(super) fn of(words: &Words<'_>, email: &Email) -> Content {
    match email {
        Email::Code(code) => code_email(words, code),
        Email::NoAccount(request) => {
            let what = if words.settings.sign_up {
                "answer.no_account_what"
            } else {
                "answer.no_account_sign_up_closed"
            };
            let why = here_or(request, "answer.no_account_here", "answer.no_account");
            answer(words, request, asked(request), say(words, &[why, what]))
        }
        Email::UseProvider(request, provider) => {
            let blocks = use_provider(words, provider, &["answer.use_provider", "answer.use_provider_what"]);
            answer(words, request, asked(request), blocks)
        }
        Email::AskAdministrator(request, organization) => {
            let why = here_or(request, "answer.managed_here", "answer.managed");
            let blocks = ask(words, organization, &[why, "answer.managed_what"]);
            answer(words, request, asked(request), blocks)
        }
        Email::Deactivated(request) => {
            let why = here_or(request, "answer.deactivated_here", "answer.deactivated");
            let blocks = say(words, &[why, "answer.deactivated_what"]);
            answer(words, request, asked(request), blocks)
        }
        Email::AlreadyHere(request, own) => {
            let blocks = match own {
                PasswordAccess::Editable | PasswordAccess::NotSet(None) => {
                    say(words, &["answer.already_here", "answer.already_here_what"])
                }
                PasswordAccess::NotSet(Some(provider)) => {
                    use_provider(words, provider, &["answer.already_here", "answer.already_provider"])
                }
                PasswordAccess::ManagedBy(organization) => {
                    ask(words, organization, &["answer.already_here", "answer.already_managed"])
                }
            };
            answer(words, request, "sign_up", blocks)
        }
        Email::AlreadyDeactivated(request) => {
            let blocks = say(words, &["answer.already_deactivated", "answer.deactivated_what"]);
            answer(words, request, "sign_up", blocks)
        }
        Email::Moved(request) => {
            let mut blocks = say(words, &["answer.moved", "answer.moved_what"]);
            // Not a link. Attack: anyone can cause this e-mail, and its reader learns to follow links in such e-mails.
            let page = format!("{}/secure", words.host());
            blocks.push(Block::Facts(vec![
                words.say_address("fact.secure_page", ("url", &page)),
            ]));
            answer(words, request, asked(request), blocks)
        }
        Email::AddressInUse(request) => answer(words, request, asked(request), say(words, &["answer.address_in_use"])),
        Email::Invitation(invitation) => invitation_email(words, invitation),
        Email::Notice(notice) => notice_email(words, notice),
    }
}

/// Returns the kind of a request that anyone can make for any address.
const fn asked(request: &Request) -> &'static str {
    match request.purpose {
        _ if request.mailbox_first => "mailbox",
        Purpose::SignUp => "sign_up",
        Purpose::Confirm => "confirm",
        Purpose::ChangeEmail => "change_email",
        Purpose::Secure => "secure",
        Purpose::Reset | Purpose::SignIn => "reset",
    }
}

/// Returns the text for this kind of request: only e-mails about a reset mention one.
fn here_or(request: &Request, here: &'static str, reset: &'static str) -> &'static str {
    if asked(request) == "reset" { reset } else { here }
}

fn code_email(words: &Words<'_>, email: &CodeEmail) -> Content {
    let (code, request) = (email.code.expose(), &email.request);
    let until = words.time(email.works_until);
    let minutes = Challenge::MINUTES.to_string();
    let keep = || Block::Paragraph(words.say("code.keep", &[]));
    let code_and_validity = |prompt| {
        [
            Block::Paragraph(words.say(prompt, &[])),
            Block::Code(code.to_owned()),
            Block::Paragraph(words.say("code.works", &[("minutes", &minutes), ("time", &until)])),
        ]
    };
    let after_request = |flow, prompt| {
        let mut blocks = vec![keep()];
        blocks.extend(code_and_validity(prompt));
        answer(words, request, flow, blocks)
    };
    let content = match email.purpose {
        Purpose::Reset => after_request("reset", "code.reset"),
        Purpose::SignIn if request.mailbox_first => after_request("mailbox", "code.mailbox"),
        Purpose::SignUp => after_request("sign_up", "code.sign_up"),
        Purpose::Confirm => after_request("confirm", "code.confirm"),
        Purpose::ChangeEmail => after_request("change_email", "code.change_email"),
        Purpose::Secure => after_request("secure", "code.secure"),
        // Only this code is in the subject, visible on a locked phone, because it follows the correct password.
        Purpose::SignIn => {
            let mut blocks = Vec::from(code_and_validity("code.sign_in"));
            blocks.push(request_facts(words, request));
            blocks.push(keep());
            blocks.push(Block::Paragraph(words.say("code.sign_in_not_you", &[])));
            let values = [("code", code), ("reference", request.reference.as_str())];
            Content {
                subject: words.say_plainly("subject.sign_in_code", &values),
                heading: words.say("heading.sign_in_code", &[]),
                preview: None,
                blocks,
                code: None,
            }
        }
    };
    Content {
        code: Some(code.to_owned()),
        ..content
    }
}

/// Returns the answer to a request that anyone can make for any address: a code, or the reason for none. Attack:
/// requesting it for another user and reading the code, or whether an account exists, on their locked phone. All
/// answers therefore share sender, subject, preview and opening; differences come last.
fn answer(words: &Words<'_>, request: &Request, flow: &str, differs: Vec<Block>) -> Content {
    let opening = words.say(&format!("answer.{flow}_asked"), &[]);
    let mut blocks = vec![
        Block::Paragraph(opening.clone()),
        Block::Paragraph(words.say(&format!("answer.{flow}_not_you"), &[])),
        request_facts(words, request),
    ];
    blocks.extend(differs);
    Content {
        subject: words.say_plainly(&format!("subject.{flow}"), &[("reference", &request.reference)]),
        heading: words.say(&format!("heading.{flow}"), &[]),
        preview: Some(opening),
        blocks,
        code: None,
    }
}

fn say(words: &Words<'_>, keys: &[&str]) -> Vec<Block> {
    keys.iter().map(|key| Block::Paragraph(words.say(key, &[]))).collect()
}

/// Returns the answer for an account that signs in with a provider: how, where its password is, and how to add one here.
fn use_provider(words: &Words<'_>, provider: &Provider, keys: &[&str]) -> Vec<Block> {
    let values = [("provider", provider.name.as_str())];
    let said = keys.iter().map(|key| Block::Paragraph(words.say(key, &values)));
    // Not a link. Attack: anyone can cause this e-mail, and its reader learns to follow links in such e-mails.
    let reset = provider.password_url.as_deref().map(|url| {
        let (_, address) = url.split_once("://").unwrap_or(("", url));
        let host = address.split('/').next().unwrap_or(address);
        Block::Facts(vec![words.say_address("fact.provider_page", ("url", host))])
    });
    let add = Block::Paragraph(words.say("answer.add_password", &values));
    said.chain(reset).chain([add]).collect()
}

/// Returns the answer for an organization's account, with the administrator's name.
fn ask(words: &Words<'_>, organization: &Organization, keys: &[&str]) -> Vec<Block> {
    let values = [("organization", organization.name.as_str())];
    let said = keys.iter().map(|key| Block::Paragraph(words.say(key, &values)));
    said.chain([administrator(words, organization)]).collect()
}

fn administrator(words: &Words<'_>, organization: &Organization) -> Block {
    Block::Facts(vec![
        words.say("fact.administrator", &[("name", &organization.administrator_name)]),
        words.say_address("fact.administrator_email", ("email", &organization.administrator_email)),
    ])
}

fn request_facts(words: &Words<'_>, request: &Request) -> Block {
    Block::Facts(vec![
        words.say("fact.request", &[("reference", &request.reference)]),
        words.say_plainly("fact.asked_at", &[("when", &words.moment(request.asked_at))]),
        words.say_plainly("fact.browser", &[("browser", &words.browser(&request.browser))]),
    ])
}

/// Returns the invitation. Without links. Attack: an administrator can cause this e-mail for every address, and its reader learns
/// to follow links in such e-mails.
fn invitation_email(words: &Words<'_>, invitation: &InvitationEmail) -> Content {
    let until = words.moment(invitation.works_until);
    let values = [
        ("organization", invitation.organization.as_str()),
        ("inviter", invitation.inviter.as_str()),
    ];
    let say = |key: &str| Block::Paragraph(words.say(&format!("invitation.{key}"), &values));
    Content {
        subject: words.say_plainly("subject.invitation", &values),
        heading: words.say("subject.invitation", &values),
        preview: None,
        blocks: vec![
            say("who"),
            say("what"),
            say("how"),
            Block::Facts(vec![
                words.say_address("fact.sign_in_page", ("url", &format!("{}/signin", words.host()))),
                words.say_plainly("fact.until", &[("when", &until)]),
            ]),
            say("not_you"),
        ],
        code: None,
    }
}

fn notice_email(words: &Words<'_>, notice: &Notice) -> Content {
    let (kind, at, browser, then): (&str, Timestamp, Option<&str>, &[&str]) = match notice {
        Notice::PasswordReset { at, browser } => (
            "password_reset",
            *at,
            Some(browser),
            &["password_reset_done", "password_reset_not_you"],
        ),
        Notice::PasswordChanged { at, browser } => {
            ("password_changed", *at, Some(browser), &["password_changed_not_you"])
        }
        Notice::NewDevice { at, browser } => (
            "new_device",
            *at,
            Some(browser),
            &["new_device_was_you", "new_device_not_you"],
        ),
        Notice::DeviceCopied { at, browser } => (
            "device_copied",
            *at,
            Some(browser),
            &["device_copied_was_you", "device_copied_not_you"],
        ),
        Notice::EmailChangeAsked { at, browser, .. } => (
            "email_change_asked",
            *at,
            Some(browser),
            &["new_device_was_you", "email_change_asked_not_you"],
        ),
        Notice::EmailChanged { at, browser, .. } => ("email_changed", *at, Some(browser), &["email_changed_not_you"]),
        Notice::EmailTaken { at, browser } => ("email_taken", *at, Some(browser), &["email_taken_not_you"]),
        Notice::EmailLost { at } => ("email_lost", *at, None, &["address_left_not_you"]),
        Notice::Secured {
            at,
            browser,
            restored,
            sets_password,
        } => {
            let then: &[&str] = match (restored, sets_password) {
                (true, true) => &["secured_restored", "secured_not_you", "secured_what"],
                (true, false) => &["secured_restored", "secured_not_you"],
                (false, true) => &["secured_not_you", "secured_what"],
                (false, false) => &["secured_not_you"],
            };
            ("secured", *at, Some(browser), then)
        }
        Notice::PasswordAdded { at, browser } => ("password_added", *at, Some(browser), &["password_added_not_you"]),
        Notice::ProviderConnected { at, browser, .. } => (
            "provider_connected",
            *at,
            Some(browser),
            &["provider_connected_what", "provider_connected_not_you"],
        ),
        Notice::ProviderDisconnected { at, browser, .. } => (
            "provider_disconnected",
            *at,
            Some(browser),
            &["provider_connected_not_you"],
        ),
        Notice::Joined { at, browser, .. } => ("joined", *at, Some(browser), &["joined_what", "joined_not_you"]),
        Notice::Left { at, .. } => ("left", *at, None, &["left_what"]),
        Notice::DeletionRequested { at, browser, .. } => (
            "deletion_requested",
            *at,
            browser.as_deref(),
            &["deletion_requested_done", "deletion_keep", "deletion_requested_not_you"],
        ),
        Notice::DeletionReminder { at, .. } => ("deletion_reminder", *at, None, &["deletion_keep"]),
        Notice::DeletionCanceled { at, browser } => {
            ("deletion_canceled", *at, Some(browser), &["deletion_canceled_not_you"])
        }
        Notice::DataDownloaded { at, browser } => (
            "data_downloaded",
            *at,
            Some(browser),
            &["data_downloaded_what", "data_downloaded_not_you"],
        ),
        Notice::AddressLeft { at } => ("address_left", *at, None, &["address_left_not_you"]),
        Notice::AddressTaken { at } => ("address_taken", *at, None, &["address_taken_password"]),
        Notice::ManyFailures { at, cause } => {
            let (kind, then): (_, &[&str]) = match cause {
                FailureCause::Passwords => ("many_failures", &["many_failures_not_you", "many_failures_was_you"]),
                FailureCause::SignInCodes => ("wrong_codes", &["wrong_codes_was_you", "wrong_codes_not_you"]),
                FailureCause::ResetCodes => (
                    "wrong_reset_codes",
                    &["wrong_reset_codes_not_you", "wrong_reset_codes_was_you"],
                ),
                FailureCause::MailboxCodes => (
                    "wrong_mailbox_codes",
                    &["wrong_reset_codes_not_you", "wrong_mailbox_codes_was_you"],
                ),
                FailureCause::CurrentPasswords => {
                    ("wrong_current", &["wrong_current_was_you", "wrong_current_not_you"])
                }
            };
            (kind, *at, None, then)
        }
    };
    let provider = match notice {
        Notice::ProviderConnected { provider, .. } | Notice::ProviderDisconnected { provider, .. } => provider,
        _ => "",
    };
    let organization = match notice {
        Notice::Joined { organization, .. } | Notice::Left { organization, .. } => organization,
        _ => "",
    };
    let (new, until) = match notice {
        Notice::EmailChangeAsked { new, .. } => (new.as_str(), String::new()),
        Notice::EmailChanged { new, undo_until, .. } => (new.as_str(), words.moment(*undo_until)),
        _ => ("", String::new()),
    };
    let values = [
        ("provider", provider),
        ("organization", organization),
        ("new", new),
        ("until", &until),
    ];
    let subject = words.say_plainly(&format!("subject.{kind}"), &values);
    let mut facts = vec![words.say_plainly("fact.happened_at", &[("when", &words.moment(at))])];
    if let Notice::DeletionReminder { until, .. } | Notice::DeletionRequested { until, .. } = notice {
        facts.push(words.say_plainly("fact.deleted_after", &[("when", &words.moment(*until))]));
    }
    facts.extend(browser.map(|name| words.say_plainly("fact.browser", &[("browser", &words.browser(name))])));
    let mut blocks = vec![
        Block::Paragraph(words.say(&format!("notice.{kind}"), &values)),
        Block::Facts(facts),
    ];
    blocks.extend(
        then.iter()
            .map(|key| Block::Paragraph(words.say(&format!("notice.{key}"), &values))),
    );
    let (fact, page) = match notice {
        // A reset there would affect another address.
        Notice::AddressLeft { .. } | Notice::Joined { .. } | Notice::EmailTaken { .. } | Notice::EmailLost { .. } => {
            ("fact.help_page", "/help")
        }
        Notice::ManyFailures {
            cause: FailureCause::MailboxCodes,
            ..
        }
        | Notice::DeletionRequested { .. }
        | Notice::DeletionReminder { .. }
        | Notice::Secured {
            sets_password: false, ..
        } => ("fact.sign_in_page", "/signin"),
        Notice::ManyFailures {
            cause: FailureCause::Passwords | FailureCause::ResetCodes,
            ..
        }
        | Notice::AddressTaken { .. }
        | Notice::Left { .. }
        | Notice::Secured { .. } => ("fact.reset_page", "/reset"),
        _ => ("fact.secure_page", "/secure"),
    };
    let page = format!("{}{page}", words.settings.origin);
    let mut pages = vec![words.say_address(fact, ("url", &page))];
    if let Notice::DeletionRequested { .. } = notice {
        let secure = format!("{}/secure", words.settings.origin);
        pages.push(words.say_address("fact.secure_page", ("url", &secure)));
    }
    blocks.push(Block::Facts(pages));
    Content {
        heading: words.say(&format!("subject.{kind}"), &values),
        subject,
        preview: None,
        blocks,
        code: None,
    }
}
