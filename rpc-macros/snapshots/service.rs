/// User accounts.
#[allow(dead_code)]
pub trait Users: ::core::marker::Send + ::core::marker::Sync + 'static {
    /// Looks a user up by id.
    fn get(
        &self,
        id: u64,
    ) -> impl ::core::future::Future<
        Output = Result<User, UserError>,
    > + ::core::marker::Send;
    fn create(
        &self,
        name: String,
        email: String,
    ) -> impl ::core::future::Future<
        Output = Result<User, UserError>,
    > + ::core::marker::Send;
    fn list(
        &self,
        limit: u32,
        offset: u32,
    ) -> impl ::core::future::Future<Output = Vec<User>> + ::core::marker::Send;
    fn mark_seen(
        &self,
        cx: &rpc::Context,
        id: u64,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    #[deprecated]
    #[cfg(feature = "count")]
    fn count(&self, filter: Option<String>, cx: &rpc::Context) -> io::Result<u64>;
}

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
impl<__T: Users> Users for ::std::sync::Arc<__T> {
    fn get(
        &self,
        p0: u64,
    ) -> impl ::core::future::Future<
        Output = Result<User, UserError>,
    > + ::core::marker::Send {
        <__T as Users>::get(&**self, p0)
    }
    fn create(
        &self,
        p0: String,
        p1: String,
    ) -> impl ::core::future::Future<
        Output = Result<User, UserError>,
    > + ::core::marker::Send {
        <__T as Users>::create(&**self, p0, p1)
    }
    fn list(
        &self,
        p0: u32,
        p1: u32,
    ) -> impl ::core::future::Future<Output = Vec<User>> + ::core::marker::Send {
        <__T as Users>::list(&**self, p0, p1)
    }
    fn mark_seen(
        &self,
        p0: &rpc::Context,
        p1: u64,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send {
        <__T as Users>::mark_seen(&**self, p0, p1)
    }
    #[cfg(feature = "count")]
    fn count(&self, p0: Option<String>, p1: &rpc::Context) -> io::Result<u64> {
        <__T as Users>::count(&**self, p0, p1)
    }
}

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
const _: () = {
    #[allow(unused_imports)]
    use ::rpc::__private::{
        PlainReturn as _, ReturnGuard as __ReturnGuard, refuse_alias as __refuse_alias,
    };
    const _: () = __refuse_alias::<Vec<User>, _>(__ReturnGuard::<Vec<User>>::KIND);
};

#[doc(hidden)]
#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
#[allow(missing_debug_implementations)]
pub struct __UsersSpec;

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
#[allow(missing_docs)]
impl __UsersSpec {
    pub const get: &'static ::rpc::MethodSpec = &::rpc::MethodSpec::new("user.get")
        .docs("Looks a user up by id.")
        .params(const { &[::rpc::ParamSpec::new("id")] })
        .readonly()
        .errors(<UserError as ::rpc::RpcError>::ERRORS);
    pub const create: &'static ::rpc::MethodSpec = &::rpc::MethodSpec::new("user.create")
        .params(const {
            &[::rpc::ParamSpec::new("name"), ::rpc::ParamSpec::new("email")]
        })
        .errors(<UserError as ::rpc::RpcError>::ERRORS);
    pub const list: &'static ::rpc::MethodSpec = &::rpc::MethodSpec::new("user.list")
        .params(const {
            &[
                ::rpc::ParamSpec::new("limit").optional(),
                ::rpc::ParamSpec::new("offset").optional(),
            ]
        })
        .readonly()
        .timeout_ms(2000);
    pub const mark_seen: &'static ::rpc::MethodSpec = &::rpc::MethodSpec::new(
            "user.seen",
        )
        .params(const { &[::rpc::ParamSpec::new("userId")] })
        .aliases(&["user.viewed"])
        .idempotent()
        .ordered();
    #[cfg(feature = "count")]
    pub const count: &'static ::rpc::MethodSpec = &::rpc::MethodSpec::new("user.count")
        .params(const { &[::rpc::ParamSpec::new("filter").optional()] })
        .deprecated()
        .errors(
            <<io::Result<
                u64,
            > as ::rpc::__private::ResultParts>::Err as ::rpc::RpcError>::ERRORS,
        );
}

#[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
impl ::rpc::Describe for __UsersSpec {
    const SPEC: &'static ::rpc::ServiceSpec = &::rpc::ServiceSpec::new("Users")
        .namespace("user")
        .docs("User accounts.")
        .methods(
            &[
                Self::get,
                Self::create,
                Self::list,
                Self::mark_seen,
                #[cfg(feature = "count")]
                Self::count,
            ],
        );
}

::rpc::__private::server! {
    /// Serves an implementation of [`Users`]. Pass it to `rpc::Server::builder().service(..)`.
    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    pub struct UsersServer<__S> {
        service: ::std::sync::Arc<__S>,
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl<__S: Users> UsersServer<__S> {
        /// Wraps an implementation.
        pub fn new(service: __S) -> Self {
            Self {
                service: ::std::sync::Arc::new(service),
            }
        }
        /// Wraps the service's calls in a layer.
        pub fn layer(
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
                                async move { <__S as Users>::get(&*service, p0).await }
                            },
                        )
                    }
                    __row(&self.service)
                });
            methods
                .add({
                    fn __row<__S: Users>(
                        service: &::std::sync::Arc<__S>,
                    ) -> ::rpc::__private::Row {
                        ::rpc::__private::asynchronous(
                            service,
                            __UsersSpec::create,
                            (::core::option::Option::None, ::core::option::Option::None),
                            |
                                service: ::std::sync::Arc<__S>,
                                (p0, p1): (String, String),
                                _: ()|
                            {
                                async move {
                                    <__S as Users>::create(&*service, p0, p1).await
                                }
                            },
                        )
                    }
                    __row(&self.service)
                });
            methods
                .add({
                    fn __row<__S: Users>(
                        service: &::std::sync::Arc<__S>,
                    ) -> ::rpc::__private::Row {
                        ::rpc::__private::asynchronous(
                            service,
                            __UsersSpec::list,
                            (
                                ::core::option::Option::Some(
                                    || -> u32 { 10 } as fn() -> u32,
                                ),
                                ::core::option::Option::Some(
                                    <u32 as ::core::default::Default>::default as fn() -> u32,
                                ),
                            ),
                            |service: ::std::sync::Arc<__S>, (p0, p1): (u32, u32), _: ()| {
                                async move {
                                    ::core::result::Result::Ok::<
                                        _,
                                        ::core::convert::Infallible,
                                    >(<__S as Users>::list(&*service, p0, p1).await)
                                }
                            },
                        )
                    }
                    __row(&self.service)
                });
            methods
                .add({
                    fn __row<__S: Users>(
                        service: &::std::sync::Arc<__S>,
                    ) -> ::rpc::__private::Row {
                        ::rpc::__private::asynchronous(
                            service,
                            __UsersSpec::mark_seen,
                            (::core::option::Option::None,),
                            |
                                service: ::std::sync::Arc<__S>,
                                (p0,): (u64,),
                                cx: ::rpc::Context|
                            {
                                async move {
                                    ::core::result::Result::Ok::<
                                        _,
                                        ::core::convert::Infallible,
                                    >(<__S as Users>::mark_seen(&*service, &cx, p0).await)
                                }
                            },
                        )
                    }
                    __row(&self.service)
                });
            #[cfg(feature = "count")]
            methods
                .add({
                    fn __row<__S: Users>(
                        service: &::std::sync::Arc<__S>,
                    ) -> ::rpc::__private::Row {
                        ::rpc::__private::synchronous(
                            service,
                            __UsersSpec::count,
                            (::core::option::Option::None,),
                            |service: &__S, (p0,): (Option<String>,), cx: &::rpc::Context| <__S as Users>::count(
                                service,
                                p0,
                                cx,
                            ),
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
    pub struct UsersClient {
        client: ::rpc::Client,
    }

    #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    impl UsersClient {
        /// Makes a client of the service that sends through `client`.
        pub fn new(client: ::rpc::Client) -> Self {
            Self { client }
        }
        /// Looks a user up by id.
        ///
        /// Calls `user.get`.
        #[inline]
        pub fn get(&self, id: u64) -> ::rpc::Call<User, UserError> {
            ::rpc::__private::call(&self.client, __UsersSpec::get, (id,))
        }
        /// Calls `user.create`.
        #[inline]
        pub fn create(
            &self,
            name: impl ::core::convert::Into<String>,
            email: impl ::core::convert::Into<String>,
        ) -> ::rpc::Call<User, UserError> {
            ::rpc::__private::call(
                &self.client,
                __UsersSpec::create,
                (
                    ::core::convert::Into::<String>::into(name),
                    ::core::convert::Into::<String>::into(email),
                ),
            )
        }
        /// Calls `user.list`.
        #[inline]
        pub fn list(
            &self,
            limit: u32,
            offset: u32,
        ) -> ::rpc::Call<Vec<User>, ::core::convert::Infallible> {
            ::rpc::__private::call(&self.client, __UsersSpec::list, (limit, offset))
        }
        /// Calls `user.seen`.
        #[inline]
        pub fn mark_seen(&self, id: u64) -> ::rpc::Call<(), ::core::convert::Infallible> {
            ::rpc::__private::call(&self.client, __UsersSpec::mark_seen, (id,))
        }
        #[deprecated]
        #[cfg(feature = "count")]
        /// Calls `user.count`.
        #[inline]
        pub fn count(
            &self,
            filter: Option<String>,
        ) -> ::rpc::Call<
            <io::Result<u64> as ::rpc::__private::ResultParts>::Ok,
            <io::Result<u64> as ::rpc::__private::ResultParts>::Err,
        > {
            ::rpc::__private::call(&self.client, __UsersSpec::count, (filter,))
        }
    }

    ::rpc::__private::both! {
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
        impl UsersClient {
            /// Makes a client of an implementation in the same process, such as a fake in a test.
            ///
            /// Calls pass through a server, as over a socket. Callers have every role that the service requires. To
            /// change settings of the client or the server, build both: see `rpc::Client::in_process`.
            pub fn of(service: impl Users) -> Self {
                Self {
                    client: ::rpc::__private::of(UsersServer::new(service)),
                }
            }
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
