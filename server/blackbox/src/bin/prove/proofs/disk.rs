//! A full disk that gets free space again.

use crate::ground::Ground;
use crate::invariants;
use crate::proof::{Finding, Proof, Setting};
use crate::service::{NEW_PASSWORD, Plan, Service};
use blackbox::Fault;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

pub const PROOFS: &[Proof] = &[Proof {
    number: 25,
    property: "With a full disk, writes are refused, reads continue, and the service recovers by itself",
    hole: "The version before the fix: after the first refusal, 284 responses were 500, without recovery.",
    on: &[Setting::Sqlite],
    run: full,
}];

/// Space for the schema, SQLite's longest log (about 40 MiB in a flood), and some rows.
const DISK_MIB: u32 = 120;

fn full(ground: &Ground, setting: Setting) -> Result<Finding, Fault> {
    let plan = Plan {
        disk_mib: Some(DISK_MIB),
        ..Plan::without_limits()
    };
    let tried = "another file fills a disk of 120 MiB during resets, pages are read, the file is deleted".to_owned();
    let bound = "refused with 503 and Retry-After, pages 200, recovered in 5 s, 0 lost, file intact".to_owned();
    let service = match Service::start_with(ground, setting, &plan) {
        Err(why) if why.contains("unshare") => {
            return Ok(Finding {
                tried,
                times: 0,
                figure: format!("not run: {why}"),
                bound,
                holds: true,
            });
        }
        other => other?,
    };
    let mut owner = service.browser();
    let email = owner.sign_up(&service, NEW_PASSWORD)?;
    owner.sign_in_with(&service.mail, &email, NEW_PASSWORD)?;

    let (mut acknowledged, mut refused, mut wrong) = (Vec::new(), 0, Vec::new());
    let mut ask = |wrong: &mut Vec<String>| -> Result<bool, Fault> {
        let email = service.stranger();
        let answer = service.browser().post("/api/reset/begin", &[("email", &email)])?;
        match answer.status {
            200 => acknowledged.push(email),
            503 if !answer.header("retry-after").is_empty() => refused += 1,
            _ => wrong.push(answer.unexpected("a reset")),
        }
        Ok(answer.status == 200)
    };
    let asked = ground.times(30, 300);
    for _ in 0..asked {
        ask(&mut wrong)?;
    }
    let beside = Path::new(&service.database).with_file_name("something-else");
    fill(&beside)?;
    for _ in 0..asked {
        ask(&mut wrong)?;
        for page in ["/signin", "/security"] {
            let answer = owner.open(page)?;
            // The sign-in page redirects a signed-in account.
            if answer.status != 200 && (page, answer.status) != ("/signin", 303) {
                wrong.push(answer.unexpected(page));
            }
        }
    }
    std::fs::remove_file(&beside).map_err(|error| format!("{}: {error}", beside.display()))?;
    let emptied = Instant::now();
    while !ask(&mut wrong)? && emptied.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let recovered = emptied.elapsed().as_secs_f64();
    for _ in 0..asked {
        if !ask(&mut wrong)? {
            wrong.push("refused again after the recovery".into());
        }
    }
    let lost = acknowledged
        .iter()
        .filter(|email| service.mail.wait(email, 1).is_err())
        .count();
    wrong.extend(invariants::integrity(&service, ground)?);
    Ok(Finding {
        tried,
        times: acknowledged.len() + refused,
        figure: format!(
            "{refused} refused, {} wrong {}; recovered in {recovered:.1} s; {lost} of {} acknowledged lost",
            wrong.len(),
            wrong.first().map(String::as_str).unwrap_or_default(),
            acknowledged.len()
        ),
        bound,
        holds: refused > 0 && wrong.is_empty() && lost == 0 && recovered <= 5.0,
    })
}

/// Writes until the disk is full.
fn fill(path: &Path) -> Result<(), Fault> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = File::create(path).map_err(failed)?;
    loop {
        match file.write_all(&[0; 4096]) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
    }
}
