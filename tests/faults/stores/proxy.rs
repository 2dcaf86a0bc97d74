//! A proxy between a store and its database. It loses an answer when a test asks for it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{env, fs, process};

use support::postgres::Postgres;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

pub(crate) struct Proxy {
    directory: std::path::PathBuf,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    loses: AtomicBool,
    lost: AtomicUsize,
}

impl Proxy {
    pub(crate) fn start(postgres: &Postgres) -> Self {
        let directory = env::temp_dir().join(format!("rpc-proxy-{}", process::id()));
        fs::create_dir(&directory).unwrap();
        let listener = UnixListener::bind(directory.join(".s.PGSQL.5432")).unwrap();
        let state = Arc::<State>::default();
        tokio::spawn({
            let (state, server) = (Arc::clone(&state), postgres.socket());
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let server = UnixStream::connect(&server).await.unwrap();
                    tokio::spawn(forward(client, server, Arc::clone(&state)));
                }
            }
        });
        Self { directory, state }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Closes the connection instead of passing on the server's next answer.
    pub(crate) fn lose_next_answer(&self) {
        self.state.loses.store(true, Ordering::SeqCst);
    }

    /// Returns how many answers were lost.
    pub(crate) fn lost(&self) -> usize {
        self.state.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

async fn forward(mut client: UnixStream, mut server: UnixStream, state: Arc<State>) {
    let (mut questions, mut answers) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = client.read(&mut questions) => match read {
                Ok(len @ 1..) => server.write_all(&questions[..len]).await.unwrap(),
                _ => return,
            },
            read = server.read(&mut answers) => match read {
                // The statement's transaction is committed before its answer arrives.
                Ok(1..) if state.loses.swap(false, Ordering::SeqCst) => {
                    state.lost.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                Ok(len @ 1..) => client.write_all(&answers[..len]).await.unwrap(),
                _ => return,
            },
        }
    }
}
