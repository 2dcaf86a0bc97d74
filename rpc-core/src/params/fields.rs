/// Says how the fields of an error become its data.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Fields {
    /// There are none, and no data.
    None,
    /// One field is the data itself.
    Newtype,
    /// Fields become an array.
    Positional,
    /// Fields become an object with these names.
    Named(&'static [&'static str]),
}
