//! Removes the parts of rejected items that the compiler would also reject, so that one mistake gives one message.

use proc_macro2::Span;
use syn::{FnArg, FnModifiers, ItemTrait, Pat, PatWild, Safety, Token, TraitItemFn, TraitModifiers};

/// Mends a trait without its methods.
pub(crate) fn item(item: &mut ItemTrait) {
    if item.modifiers.auto_token.is_some() {
        item.modifiers = TraitModifiers::default();
    }
}

/// Mends a method.
pub(crate) fn method(function: &mut TraitItemFn) {
    function.modifiers = FnModifiers::default();
    function.sig.constness = None;
    function.sig.abi = None;
    function.sig.variadic = None;
    if let Safety::Safe(_) = function.sig.safety {
        function.sig.safety = Safety::Default;
    }
    if function.default.is_some() {
        return;
    }
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(typed) = input {
            *typed.pat = Pat::Wild(PatWild { attrs: Vec::new(), underscore_token: Token![_](Span::mixed_site()) });
        }
    }
}
