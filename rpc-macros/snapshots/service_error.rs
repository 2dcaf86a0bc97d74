#[allow(dead_code)]
trait Users: ::core::marker::Send + ::core::marker::Sync + 'static {
    fn get(
        &self,
        id: u64,
    ) -> impl ::core::future::Future<Output = u64> + ::core::marker::Send;
    fn rename(
        &self,
        _: (u64, String),
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
}

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
const _: () = {
    #[allow(unused_imports)]
    use ::rpc::__private::{
        PlainReturn as _, ReturnGuard as __ReturnGuard, refuse_alias as __refuse_alias,
    };
    const _: () = __refuse_alias::<u64, _>(__ReturnGuard::<u64>::KIND);
};

#[doc(hidden)]
#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
#[allow(missing_debug_implementations)]
struct __UsersSpec;

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
#[allow(missing_docs)]
impl __UsersSpec {
    const get: &'static ::rpc::MethodSpec = &::rpc::MethodSpec::new("get")
        .params(const { &[::rpc::ParamSpec::new("id")] })
        .readonly();
}

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
impl ::rpc::Describe for __UsersSpec {
    const SPEC: &'static ::rpc::ServiceSpec = &::rpc::ServiceSpec::new("Users")
        .methods(&[Self::get]);
}

::rpc::__private::server! {
    /// Serves an implementation of [`Users`]. Pass it to `rpc::Server::builder().service(..)`.
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    struct UsersServer<__S> {
        service: ::std::sync::Arc<__S>,
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Users> UsersServer<__S> {
        /// Wraps an implementation.
        fn new(service: __S) -> Self {
            Self {
                service: ::std::sync::Arc::new(service),
            }
        }
        /// Wraps the service's calls in a layer.
        fn layer(
            self,
            layer: impl ::rpc::middleware::CallLayer,
        ) -> ::rpc::middleware::Layered<Self> {
            ::rpc::middleware::Layered::new(self).layer(layer)
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S> ::core::clone::Clone for UsersServer<__S> {
        fn clone(&self) -> Self {
            Self {
                service: ::core::clone::Clone::clone(&self.service),
            }
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S> ::core::fmt::Debug for UsersServer<__S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_struct("UsersServer").finish_non_exhaustive()
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Users> ::rpc::Describe for UsersServer<__S> {
        const SPEC: &'static ::rpc::ServiceSpec = <__UsersSpec as ::rpc::Describe>::SPEC;
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Users> ::rpc::Service for UsersServer<__S> {
        #[allow(unused_variables)]
        fn register(self, methods: &mut ::rpc::__private::Methods) {
            methods
                .add({
                    fn __row<__S: Users>(
                        service: &::std::sync::Arc<__S>,
                    ) -> ::rpc::__private::Row {
                        ::rpc::__private::asynchronous(
                            service,
                            __UsersSpec::get,
                            (::core::option::Option::None,),
                            |service: ::std::sync::Arc<__S>, (p0,): (u64,), _: ()| {
                                async move {
                                    ::core::result::Result::Ok::<
                                        _,
                                        ::core::convert::Infallible,
                                    >(<__S as Users>::get(&*service, p0).await)
                                }
                            },
                        )
                    }
                    __row(&self.service)
                });
        }
    }
}

::rpc::__private::client! {
    /// Calls [`Users`] over a client: every method returns a [`Call`](::rpc::Call), sent when awaited.
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    #[derive(::core::clone::Clone, ::core::fmt::Debug)]
    struct UsersClient {
        client: ::rpc::Client,
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl UsersClient {
        /// Makes a client of the service that sends through `client`.
        fn new(client: ::rpc::Client) -> Self {
            Self { client }
        }
        /// Calls `get`.
        #[inline]
        fn get(&self, id: u64) -> ::rpc::Call<u64, ::core::convert::Infallible> {
            ::rpc::__private::call(&self.client, __UsersSpec::get, (id,))
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl ::core::convert::From<::rpc::Client> for UsersClient {
        fn from(client: ::rpc::Client) -> Self {
            Self { client }
        }
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl ::rpc::Describe for UsersClient {
        const SPEC: &'static ::rpc::ServiceSpec = <__UsersSpec as ::rpc::Describe>::SPEC;
    }

    ::rpc::__private::peers! {
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
        impl ::rpc::FromPeer for UsersClient {
            fn from_peer(peer: &::rpc::Peer) -> Self {
                Self {
                    client: <::rpc::Client as ::rpc::FromPeer>::from_peer(peer),
                }
            }
        }
    }
}

::core::compile_error! {
    "a parameter must be a plain name, not a pattern: its name goes over the wire"
}
