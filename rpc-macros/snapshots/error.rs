const _: () = ::rpc::__private::assert_error::<UserError>();

#[allow(clippy::all, clippy::pedantic, deprecated)]
impl ::rpc::RpcError for UserError {
    const ERRORS: &'static ::rpc::ErrorSet = &::rpc::ErrorSet::new(const {
            &[
                ::rpc::ErrorSpec::new(1001, "NotFound"),
                ::rpc::ErrorSpec::new(-32001, "Busy").retryable(),
                ::rpc::ErrorSpec::new(1003, "Taken"),
                ::rpc::ErrorSpec::new(1004, "Range"),
                ::rpc::ErrorSpec::new(1005, "Empty"),
            ]
        })
        .wraps(const {
            &[
                <AuthError as ::rpc::RpcError>::ERRORS,
                <rpc::ErrorObject as ::rpc::RpcError>::ERRORS,
            ]
        });
    fn to_error_object(&self) -> ::rpc::ErrorObject {
        match self {
            Self::NotFound { id: f0 } => {
                ::rpc::__private::encode_error(
                    1001,
                    self,
                    ::rpc::__private::Fields::Named(&["id"]),
                    (f0,),
                )
            }
            Self::Busy {} => {
                ::rpc::__private::encode_error(
                    -32001,
                    self,
                    ::rpc::__private::Fields::None,
                    (),
                )
            }
            Self::Taken(f0) => {
                #[allow(unused_imports)]
                use ::rpc::__private::{FieldOfOther as _, FieldOfUpstream as _};
                (&::rpc::__private::Field(f0))
                    .undeclared()
                    .unwrap_or_else(|| ::rpc::__private::encode_error(
                        1003,
                        self,
                        ::rpc::__private::Fields::Newtype,
                        (f0,),
                    ))
            }
            Self::Range(f0, f1) => {
                #[allow(unused_imports)]
                use ::rpc::__private::{FieldOfOther as _, FieldOfUpstream as _};
                (&::rpc::__private::Field(f0))
                    .undeclared()
                    .unwrap_or_else(|| ::rpc::__private::encode_error(
                        1004,
                        self,
                        ::rpc::__private::Fields::Positional,
                        (f0, f1),
                    ))
            }
            Self::Empty { field: f0, r#type: f1 } => {
                ::rpc::__private::encode_error(
                    1005,
                    self,
                    ::rpc::__private::Fields::Named(&["fieldName", "type"]),
                    (f0, f1),
                )
            }
            Self::Auth(f0) => <AuthError as ::rpc::RpcError>::to_error_object(f0),
            Self::Db { .. } => ::rpc::__private::encode_internal(self),
            Self::NoLeader { .. } => ::rpc::__private::encode_internal(self),
            Self::Other { inner: f0 } => {
                <rpc::ErrorObject as ::rpc::RpcError>::to_error_object(f0)
            }
        }
    }
    fn from_error_object(
        object: ::rpc::ErrorObject,
    ) -> ::core::result::Result<Self, ::rpc::ErrorObject> {
        match ::rpc::ErrorCode::get(object.code()) {
            1001 => {
                if let ::core::option::Option::Some((f0,)) = ::rpc::__private::decode_error::<
                    (u64,),
                >(&object, ::rpc::__private::Fields::Named(&["id"])) {
                    return ::core::result::Result::Ok(Self::NotFound { id: f0 });
                }
            }
            -32001 => {
                if let ::core::option::Option::Some(()) = ::rpc::__private::decode_error::<
                    (),
                >(&object, ::rpc::__private::Fields::None) {
                    return ::core::result::Result::Ok(Self::Busy {});
                }
            }
            1003 => {
                if let ::core::option::Option::Some((f0,)) = ::rpc::__private::decode_error::<
                    (String,),
                >(&object, ::rpc::__private::Fields::Newtype) {
                    return ::core::result::Result::Ok(Self::Taken(f0));
                }
            }
            1004 => {
                if let ::core::option::Option::Some((f0, f1)) = ::rpc::__private::decode_error::<
                    (u64, u64),
                >(&object, ::rpc::__private::Fields::Positional) {
                    return ::core::result::Result::Ok(Self::Range(f0, f1));
                }
            }
            1005 => {
                if let ::core::option::Option::Some((f0, f1)) = ::rpc::__private::decode_error::<
                    (String, u8),
                >(&object, ::rpc::__private::Fields::Named(&["fieldName", "type"])) {
                    return ::core::result::Result::Ok(Self::Empty {
                        field: f0,
                        r#type: f1,
                    });
                }
            }
            _ => {}
        }
        let object = match <AuthError as ::rpc::RpcError>::from_error_object(object) {
            ::core::result::Result::Ok(f0) => {
                return ::core::result::Result::Ok(Self::Auth(f0));
            }
            ::core::result::Result::Err(object) => object,
        };
        let object = match <rpc::ErrorObject as ::rpc::RpcError>::from_error_object(
            object,
        ) {
            ::core::result::Result::Ok(f0) => {
                return ::core::result::Result::Ok(Self::Other { inner: f0 });
            }
            ::core::result::Result::Err(object) => object,
        };
        ::core::result::Result::Err(object)
    }
}

const _: () = <UserError as ::rpc::RpcError>::ERRORS.assert_wraps(0);

const _: () = <UserError as ::rpc::RpcError>::ERRORS.assert_wraps(1);

::rpc::__private::client! {
    impl ::rpc::__private::DeclaredError for UserError {}
}
