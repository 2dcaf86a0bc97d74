::rpc::__private::needs_openrpc! {
}

const _: () = ::rpc::__private::assert_error::<UserError>();

#[allow(clippy::all, clippy::pedantic, deprecated)]
impl ::rpc::RpcError for UserError {
    const ERRORS: &'static ::rpc::ErrorSet = &::rpc::ErrorSet::new(const {
        &[
            ::rpc::__private::openrpc!(
                { ::rpc::ErrorSpec::new(1, "NotFound").message("user {id} not found, {}")
                } const { &
                ::rpc::__private::DataTypes::new(::rpc::__private::Fields::Named(&
                ["id"]), const { & [::rpc::__private::TypeSpec::of:: < u64 > ()] }) }
            ),
            ::rpc::__private::openrpc!(
                { ::rpc::ErrorSpec::new(2, "Busy").message("Too many users at once.") }
                const { &
                ::rpc::__private::DataTypes::new(::rpc::__private::Fields::None, const {
                & [] }) }
            ),
        ]
    });
    fn to_error_object(&self) -> ::rpc::ErrorObject {
        match self {
            Self::NotFound { id: f0 } => {
                ::rpc::__private::encode_error(
                    1,
                    self,
                    ::rpc::__private::Fields::Named(&["id"]),
                    (f0,),
                )
            }
            Self::Busy {} => {
                ::rpc::__private::encode_error(
                    2,
                    self,
                    ::rpc::__private::Fields::None,
                    (),
                )
            }
        }
    }
    fn from_error_object(
        object: ::rpc::ErrorObject,
    ) -> ::core::result::Result<Self, ::rpc::ErrorObject> {
        match ::rpc::ErrorCode::get(object.code()) {
            1 => {
                if let ::core::option::Option::Some((f0,)) = ::rpc::__private::decode_error::<
                    (u64,),
                >(&object, ::rpc::__private::Fields::Named(&["id"])) {
                    return ::core::result::Result::Ok(Self::NotFound { id: f0 });
                }
            }
            2 => {
                if let ::core::option::Option::Some(()) = ::rpc::__private::decode_error::<
                    (),
                >(&object, ::rpc::__private::Fields::None) {
                    return ::core::result::Result::Ok(Self::Busy {});
                }
            }
            _ => {}
        }
        ::core::result::Result::Err(object)
    }
}

::rpc::__private::client! {
    impl ::rpc::__private::DeclaredError for UserError {}
}
