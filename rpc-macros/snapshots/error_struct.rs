const _: () = ::foo::__private::assert_error::<Refused>();

#[allow(clippy::all, clippy::pedantic, deprecated)]
impl ::foo::RpcError for Refused {
    const ERRORS: &'static ::foo::ErrorSet = &::foo::ErrorSet::new(const {
        &[::foo::ErrorSpec::new(7, "Refused")]
    });
    fn to_error_object(&self) -> ::foo::ErrorObject {
        match self {
            Self { reason: f0 } => {
                ::foo::__private::encode_error(
                    7,
                    self,
                    ::foo::__private::Fields::Named(&["reason"]),
                    (f0,),
                )
            }
        }
    }
    fn from_error_object(
        object: ::foo::ErrorObject,
    ) -> ::core::result::Result<Self, ::foo::ErrorObject> {
        match ::foo::ErrorCode::get(object.code()) {
            7 => {
                if let ::core::option::Option::Some((f0,)) = ::foo::__private::decode_error::<
                    (String,),
                >(&object, ::foo::__private::Fields::Named(&["reason"])) {
                    return ::core::result::Result::Ok(Self { reason: f0 });
                }
            }
            _ => {}
        }
        ::core::result::Result::Err(object)
    }
}

::foo::__private::client! {
    impl ::foo::__private::DeclaredError for Refused {}
}
