//! The program as a serving process, on ports chosen by the system.

use reqwest::{Client, RequestBuilder};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use tempfile::TempDir;

pub struct Running {
    child: Child,
    log: BufReader<ChildStderr>,
    /// Its log so far.
    pub logged: String,
    http: Client,
    origin: String,
    _folder: Option<TempDir>,
}

impl Running {
    /// A development run with these settings, in a temporary folder.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut running = Self::start_in(folder.path(), settings);
        running._folder = Some(folder);
        running
    }

    /// A development run in a folder that the test also reads.
    pub fn start_in(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rekey"))
            .args(["serve", "--dev"])
            .current_dir(folder)
            .env_clear()
            .env("REKEY_LISTEN", "127.0.0.1:0")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut running = Self {
            child,
            log,
            logged: String::new(),
            http: Client::builder().no_proxy().build().unwrap(),
            origin: String::new(),
            _folder: None,
        };
        running.origin = format!("http://{}", running.address_after("listening"));
        running
    }

    /// The next log line that contains `words`; fails if the log ends first.
    pub fn line_with(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "{}", self.logged);
            self.logged.push_str(&line);
            if line.contains(words) {
                return line;
            }
        }
    }

    /// The address in the next log line that contains `words`.
    pub fn address_after(&mut self, words: &str) -> String {
        let line = self.line_with(words);
        let address = line.split("127.0.0.1:").nth(1).unwrap();
        let port: String = address.chars().take_while(char::is_ascii_digit).collect();
        format!("127.0.0.1:{port}")
    }

    /// Its listening address.
    pub fn address(&self) -> &str {
        &self.origin["http://".len()..]
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.origin))
    }

    /// Sends a form, as a page's script does.
    pub fn call(&self, path: &str, form: &'static str) -> RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.origin));
        request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form)
    }

    /// Makes it reload its configuration.
    pub fn hang_up(&self) {
        let told = Command::new("kill")
            .args(["-HUP", &self.child.id().to_string()])
            .status();
        assert!(told.unwrap().success());
    }

    /// Stops it and returns its whole log.
    pub fn end(mut self) -> String {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success());
        let mut logged = std::mem::take(&mut self.logged);
        self.log.read_to_string(&mut logged).unwrap();
        assert!(self.child.wait().unwrap().success(), "{logged}");
        logged
    }
}

/// A failed test leaves no process behind.
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
