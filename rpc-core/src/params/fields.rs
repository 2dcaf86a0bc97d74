/// How the fields of an error become its data.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Fields {
    /// There are no fields, and no data.
    None,
    /// The only field is the data itself.
    Newtype,
    /// The fields become an array.
    Positional,
    /// The fields become an object with these names.
    Named(&'static [&'static str]),
}
