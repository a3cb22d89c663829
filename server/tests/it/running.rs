//! A running server on ports chosen by the system.

use reqwest::{Client, RequestBuilder};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use tempfile::TempDir;

pub struct Running {
    child: Child,
    log: BufReader<ChildStderr>,
    /// The log so far.
    pub logged: String,
    http: Client,
    origin: String,
    _folder: Option<TempDir>,
}

impl Running {
    /// Starts a development server in a temporary folder.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut running = Self::start_in(folder.path(), settings);
        running._folder = Some(folder);
        running
    }

    /// Starts a development server in an existing folder.
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

    /// Returns the next log line that contains `words`; fails if the log ends first.
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

    /// Returns the address in the next log line that contains `words`.
    pub fn address_after(&mut self, words: &str) -> String {
        let line = self.line_with(words);
        let address = line.split("127.0.0.1:").nth(1).unwrap();
        let port: String = address.chars().take_while(char::is_ascii_digit).collect();
        format!("127.0.0.1:{port}")
    }

    /// The listening address.
    pub fn address(&self) -> &str {
        &self.origin["http://".len()..]
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.origin))
    }

    /// Sends a form like a page's script.
    pub fn call(&self, path: &str, form: &'static str) -> RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.origin));
        request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form)
    }

    /// Sends SIGHUP, which reloads the configuration.
    pub fn hang_up(&self) {
        let status = Command::new("kill")
            .args(["-HUP", &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Stops the server and returns its whole log.
    pub fn end(mut self) -> String {
        let status = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
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
