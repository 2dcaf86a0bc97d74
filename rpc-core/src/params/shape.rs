use crate::ParamSpec;

/// The names of the members, and whether unknown members are ignored.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ParamsShape {
    pub(crate) names: MemberNames,
    pub(crate) lenient: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum MemberNames {
    /// The names of a method's parameters. If the description was written by hand, there may be fewer names than
    /// values.
    Params(&'static [ParamSpec]),
    /// The names of an error's fields.
    Plain(&'static [&'static str]),
    /// No names: members have positions only.
    None,
}

impl MemberNames {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Params(params) => params.len(),
            Self::Plain(names) => names.len(),
            Self::None => 0,
        }
    }

    pub(super) fn get(self, index: usize) -> Option<&'static str> {
        match self {
            Self::Params(params) => params.get(index).map(|param| param.name),
            Self::Plain(names) => names.get(index).copied(),
            Self::None => None,
        }
    }

    pub(super) fn position(self, name: &str) -> Option<usize> {
        (0..self.len()).find(|&index| self.get(index) == Some(name))
    }
}
