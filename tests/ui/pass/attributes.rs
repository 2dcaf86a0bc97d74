//! Attributes besides ours: documentation in each form, conditions, deprecation and lints. Also bodies in the trait.
#![deny(deprecated)]

use rpc::{Client, Describe, Server};

/// User accounts.
///
///  Indented by one.
#[rpc::service(namespace = "user")]
#[doc = " A line of its own."]
/** A block. */
#[doc(alias = "people")]
#[must_use]
trait Users {
    /// One line.
    #[rpc(readonly)]
    /// And another.
    async fn documented(&self) -> u8 {
        1
    }

    /**
    A block of
    two lines.
    */
    fn block(&self) -> u8;

    #[doc = concat!("Computed ", "text.")]
    #[doc(hidden)]
    fn computed(&self) -> u8;

    #[doc = "Last."]
    #[deprecated(since = "1.0", note = "use `block`")]
    fn old(&self) -> u8;

    #[cfg(all())]
    #[cfg_attr(all(), doc = "Is there.")]
    async fn conditional(&self, id: u64) -> u64;
    #[cfg(any())]
    async fn conditional(&self, id: Absent) -> Absent;

    #[cfg(any())]
    #[rpc(name = "conditional")]
    async fn absent(&self, #[rpc(context)] cx: &Absent) -> Result<Absent, Absent>;

    #[allow(unused_variables, clippy::needless_return)]
    async fn defaulted(&self, id: u64, name: String) -> String {
        if id == 0 {
            return name;
        }
        let again = self.defaulted_sync(id);
        format!("{name}{again}")
    }

    fn defaulted_sync(&self, id: u64) -> u64 {
        id * 2
    }
}

struct Implementation;

impl Users for Implementation {
    fn block(&self) -> u8 {
        2
    }
    fn computed(&self) -> u8 {
        3
    }
    fn old(&self) -> u8 {
        4
    }
    async fn conditional(&self, id: u64) -> u64 {
        id
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), rpc::Error> {
    let server = Server::builder().service(UsersServer::new(Implementation)).build();
    let client = Client::in_process(&server);
    let users = UsersClient::new(client.clone());
    assert_eq!(users.documented().await?, 1);
    assert_eq!(users.block().await?, 2);
    assert_eq!(users.computed().await?, 3);
    #[allow(deprecated)]
    let old = users.old();
    assert_eq!(old.await?, 4);
    assert_eq!(users.conditional(5).await?, 5);
    assert_eq!(users.defaulted(0, "a").await?, "a");
    assert_eq!(users.defaulted(3, "a").await?, "a6");

    let spec = UsersClient::SPEC;
    assert_eq!(spec.docs, "User accounts.\n\n Indented by one.\nA line of its own.\nA block.");
    let docs: Vec<_> = spec.methods.iter().map(|method| (&*method.name, method.docs, method.deprecated)).collect();
    assert_eq!(docs[0], ("user.documented", "One line.\nAnd another.", false));
    assert_eq!(docs[1], ("user.block", "A block of\ntwo lines.", false));
    assert_eq!(docs[2].1, "");
    assert_eq!(docs[3], ("user.old", "Last.", true));
    assert_eq!(docs.len(), 7);
    Ok(())
}
