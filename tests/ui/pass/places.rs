//! Services with every visibility and in every place, and every kind of implementation.

use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpc::{Client, Server};

mod accounts {
    //! Two services in one module, used from another.
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct User {
        pub id: u64,
    }

    #[rpc::service(namespace = "user")]
    pub trait Users: std::fmt::Debug {
        async fn get(&self, id: u64) -> User;
    }

    #[rpc::service(namespace = "admin")]
    pub(crate) trait Admins: Users + Clone {
        fn get(&self, id: u64) -> Option<User>;
    }

    pub mod inner {
        #[rpc::service]
        pub(in super::super) trait Private {
            fn hidden(&self, user: super::User) -> super::User;
        }
    }
}

use accounts::inner::{Private, PrivateClient, PrivateServer};
use accounts::{Admins, AdminsClient, AdminsServer, User, Users, UsersClient, UsersServer};

/// Implements several services, for any `T`.
#[derive(Debug, Clone)]
struct Store<T> {
    first: T,
}

impl<T: Into<u64> + Copy + Debug + Send + Sync + 'static> Users for Store<T> {
    async fn get(&self, id: u64) -> User {
        User { id: id + self.first.into() }
    }
}

impl<T: Into<u64> + Copy + Debug + Send + Sync + 'static> Admins for Store<T> {
    fn get(&self, id: u64) -> Option<User> {
        (id > self.first.into()).then_some(User { id })
    }
}

impl Private for Store<u32> {
    fn hidden(&self, user: User) -> User {
        user
    }
}

fn serve<T: Display + Send + Sync + 'static>(value: T) -> Server {
    // A trait in a function body is private to it.
    #[rpc::service]
    trait Show {
        fn show(&self) -> String;
    }

    impl<T: Display + Send + Sync + 'static> Show for (T,) {
        fn show(&self) -> String {
            self.0.to_string()
        }
    }

    Server::builder().service(ShowServer::new((value,))).build()
}

macro_rules! counter {
    ($vis:vis $name:ident, $method:ident: $ty:ty) => {
        #[rpc::service]
        $vis trait $name {
            async fn $method(&self, by: $ty, label: Option<$ty>) -> Result<$ty, rpc::ErrorObject>;
        }
    };
}

counter!(pub Counter, add: u64);

impl Counter for AtomicU64 {
    async fn add(&self, by: u64, _: Option<u64>) -> Result<u64, rpc::ErrorObject> {
        Ok(self.fetch_add(by, Ordering::Relaxed) + by)
    }
}

#[rpc::service]
#[rustfmt::skip]
#[allow(clippy::too_many_arguments)]
trait Wide {
    async fn sixteen(
        &self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8,
        #[rpc(context)] cx: &rpc::Context,
        i: u8, j: u8, k: u8, l: u8, m: u8, n: u8, o: u8, #[rpc(default = 16)] p: u8,
    ) -> Vec<u8> {
        assert_eq!(cx.method(), "sixteen");
        vec![a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    }
}

impl Wide for () {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // One implementation, shared by several services and by the function that made it.
    let store = Arc::new(Store { first: 10_u32 });
    let counter = Arc::new(AtomicU64::new(0));
    let server = Server::builder()
        .service(UsersServer::new(Arc::clone(&store)))
        .service(AdminsServer::new(Arc::clone(&store)))
        .service(PrivateServer::new(Store::clone(&store)))
        .service(CounterServer::new(Arc::clone(&counter)))
        .service(WideServer::new(()))
        .build();
    let client = Client::in_process(&server);

    assert_eq!(UsersClient::new(client.clone()).get(1).await?, User { id: 11 });
    assert_eq!(AdminsClient::new(client.clone()).get(1).await?, None);
    assert_eq!(PrivateClient::new(client.clone()).hidden(User { id: 1 }).await?, User { id: 1 });
    assert_eq!(CounterClient::new(client.clone()).add(2, None).await?, 2);
    assert_eq!(counter.load(Ordering::Relaxed), 2);
    let wide = WideClient::new(client.clone());
    let sixteen = wide.sixteen(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16).await?;
    assert_eq!(sixteen, (1..=16).collect::<Vec<u8>>());
    let fifteen: Vec<u8> = client.call("sixteen", (1..=15).collect::<Vec<u8>>()).await?;
    assert_eq!(fifteen, sixteen);

    let shown: String = Client::in_process(&serve(5)).call("show", ()).await?;
    assert_eq!(shown, "5");
    Ok(())
}
