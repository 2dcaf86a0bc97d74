//! [`Terminal`]: a run of the binary in a pseudo-terminal.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::RpcCommand;

/// How long to wait for text or for the end. It is far more than any run needs, so only a hang exceeds it.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A run of the binary whose input, output and errors are one pseudo-terminal of 100 columns.
#[derive(Debug)]
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: mpsc::UnboundedReceiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    /// Starts the run.
    pub(crate) fn start(command: RpcCommand) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let size = Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&controller, size).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
        let open = || Stdio::from(OpenOptions::new().read(true).write(true).open(&name).unwrap());
        let mut command = command.into_command();
        let child = command.env("TERM", "xterm").stdin(open()).stdout(open()).stderr(open()).spawn().unwrap();
        drop(command);
        let mut screen = File::from(controller);
        let keyboard = screen.try_clone().unwrap();
        let (sender, receiver) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The read fails once the last process has closed the terminal.
            while let Ok(length @ 1..) = screen.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keyboard, screen: receiver, shown: String::new() }
    }

    /// Types text.
    pub(crate) fn type_text(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until the screen has shown a text.
    ///
    /// # Panics
    ///
    /// If the run ends without it.
    pub(crate) async fn until_shown(&mut self, text: &str) {
        while !self.shown.contains(text) {
            let next = timeout(TEST_TIMEOUT, self.screen.recv()).await;
            match next {
                Ok(Some(bytes)) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                ended => panic!("{text:?} was not shown ({ended:?}), but:\n{}", self.shown),
            }
        }
    }

    /// Waits for the end. Returns the exit code and everything that was shown, with plain line ends.
    pub(crate) async fn ended(mut self) -> (i32, String) {
        let status = timeout(TEST_TIMEOUT, self.child.wait()).await.expect("the run ends").unwrap();
        while let Some(bytes) = self.screen.recv().await {
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
        (status.code().expect("no signal ended the run"), self.shown.replace("\r\n", "\n"))
    }
}
