//! Finds the references of methods and their parts that lead to no part of the document.

use super::description::Description;
use super::locate::Locate;
use super::method::Method;
use super::reference::OrReference;

impl Description {
    /// Returns the methods whose references lead to nothing, each by its index and its reference.
    pub(in crate::openrpc) fn unresolved_methods(&self) -> Vec<(usize, &str)> {
        self.unresolved(&self.methods)
    }

    /// Returns the parts of a list whose references lead to nothing.
    pub(super) fn unresolved<'a, T: Locate>(&self, list: &'a [OrReference<T>]) -> Vec<(usize, &'a str)> {
        let reference = |part: &'a OrReference<T>| Some(part.reference()?.reference.as_str());
        let all = list.iter().enumerate().filter(|(_, part)| self.resolve(part).is_err());
        all.filter_map(|(index, part)| Some((index, reference(part)?))).collect()
    }
}

impl<'a> Method<'a> {
    /// Returns the params, the result and the errors whose references lead to nothing: the part, such as `params, [0]`,
    /// and its reference.
    pub(in crate::openrpc) fn unresolved_parts(&self) -> Vec<(String, &'a str)> {
        let (object, document) = (self.object(), self.document());
        let params = document.unresolved(&object.params);
        let result =
            object.result.as_ref().map_or_else(Vec::new, |part| document.unresolved(std::slice::from_ref(part)));
        let errors = document.unresolved(object.errors.as_deref().unwrap_or_default());
        let params = params.into_iter().map(|(index, reference)| (format!("params, [{index}]"), reference));
        let result = result.into_iter().map(|(_, reference)| ("result".to_owned(), reference));
        let errors = errors.into_iter().map(|(index, reference)| (format!("errors, [{index}]"), reference));
        params.chain(result).chain(errors).collect()
    }
}
