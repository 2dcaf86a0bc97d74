//! Guards that turn mistakes in the trait of a service into compile errors: types that a stream says twice.

/// The type of the errors of a stream's items: that with which the method refuses a call.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the errors of a stream's items must have the type with which its method refuses a call",
    label = "this is `{Self}`, and the call is refused with `{E}`",
    note = "clients have one error type for both"
)]
pub trait ErrorOfItems<E> {}

#[diagnostic::do_not_recommend]
impl<E> ErrorOfItems<E> for E {}

#[doc(hidden)]
pub const fn assert_item_error<T: ErrorOfItems<E>, E>() {}

/// The type of the cursor after which a stream begins: that of the cursors of its items.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`After<C>` and `At<C, T>` of a method must have the same cursor `C`",
    label = "this is `{Self}`, and the items have cursors of type `{C}`"
)]
pub trait CursorAfter<C> {}

#[diagnostic::do_not_recommend]
impl<C> CursorAfter<C> for C {}

#[doc(hidden)]
pub const fn assert_cursor<T: CursorAfter<C>, C>() {}
