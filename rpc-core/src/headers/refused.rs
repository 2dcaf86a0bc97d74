//! Lists of calls in `Rpc-Refused` and `Rpc-Fault`. The server writes them, and the client reads them as proof that
//! calls did not run.

use std::fmt::Write;
use std::ops::Range;

use http::{HeaderMap, HeaderValue, StatusCode};

use super::names::{RPC_FAULT, RPC_REFUSED};
use crate::codes::is_refusal_status;

/// Returns whether a response proves by [`RPC_REFUSED`] that no handler saw the call at this place.
///
/// Places are those of the batch, counted from 0. A single call, and a request that is refused as a whole, have place
/// 0. Such a call may be retried, whatever it does, unless the response has [`RPC_RETRY`](super::RPC_RETRY).
///
/// If the server never sends this header with the response's status, the response proves nothing: the header comes from
/// elsewhere. An invalid list proves nothing either.
///
/// # Example
///
/// ```
/// use http::{HeaderMap, HeaderValue, StatusCode};
/// use rpc::headers::{self, is_refused};
///
/// let refused = HeaderMap::from_iter([(headers::RPC_REFUSED, HeaderValue::from_static("0-1,3"))]);
/// let places: Vec<usize> = (0..5).filter(|place| is_refused(StatusCode::OK, &refused, *place)).collect();
/// assert_eq!(places, [0, 1, 3]);
/// assert!(!is_refused(StatusCode::BAD_GATEWAY, &refused, 0));
/// ```
pub fn is_refused(status: StatusCode, headers: &HeaderMap, place: usize) -> bool {
    is_refusal_status(status) && Refused::of(headers).contains(place)
}

/// The calls of a request that were refused before any handler saw them: `all`, or places in the batch such as `0-3,7`,
/// counted from 0.
///
/// Handlers cannot set this header, so a client can trust it. It cannot trust an error's code, because a handler may
/// relay it from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    all: bool,
    /// Sorted, with a gap between neighbours.
    places: Vec<Range<usize>>,
}

/// The maximum length of the header's value in bytes, small enough for proxies. Calls that do not fit are not named.
const MAX_REFUSED: usize = 2048;

impl Refused {
    /// Makes the list of all calls of the request.
    pub fn all() -> Self {
        Self { all: true, places: Vec::new() }
    }

    /// Adds the call at this place of a batch. Places must be added in ascending order.
    pub fn add(&mut self, index: usize) {
        match self.places.last_mut() {
            Some(last) if last.end == index => last.end += 1,
            _ => self.places.push(index..index + 1),
        }
    }

    /// Returns whether the call at this place was refused. A single call has place 0.
    pub fn contains(&self, index: usize) -> bool {
        self.all
            || self
                .places
                .binary_search_by(|place| {
                    if place.end <= index {
                        std::cmp::Ordering::Less
                    } else if place.start > index {
                        std::cmp::Ordering::Greater
                    } else {
                        std::cmp::Ordering::Equal
                    }
                })
                .is_ok()
    }

    /// Writes the header's value, or `None` if no call was refused.
    pub fn to_value(&self) -> Option<HeaderValue> {
        if self.all {
            return Some(HeaderValue::from_static("all"));
        }
        let (text, _) = self.text();
        if text.is_empty() { None } else { HeaderValue::try_from(text).ok() }
    }

    /// Returns whether the header's value has room for all refused calls.
    pub fn fits(&self) -> bool {
        self.all || self.text().1
    }

    /// Writes places up to the header's maximum length. Returns also whether all of them fit.
    fn text(&self) -> (String, bool) {
        let mut text = String::new();
        for place in &self.places {
            let before = text.len();
            let comma = if before == 0 { "" } else { "," };
            let written = if place.len() == 1 {
                write!(text, "{comma}{}", place.start)
            } else {
                write!(text, "{comma}{}-{}", place.start, place.end - 1)
            };
            if written.is_err() || text.len() > MAX_REFUSED {
                text.truncate(before);
                return (text, false);
            }
        }
        (text, true)
    }

    /// Reads the header of a response. An invalid value counts as no refusal.
    pub fn of(headers: &HeaderMap) -> Self {
        // Few responses have it.
        headers.get(RPC_REFUSED).map(Self::read).unwrap_or_default()
    }

    fn read(value: &HeaderValue) -> Self {
        if value == "all" {
            return Self::all();
        }
        let places = value.to_str().ok().and_then(|text| text.split(',').map(place).collect::<Option<Vec<_>>>());
        let places = places.filter(|places| places.is_sorted_by(|one, next| one.end < next.start));
        Self { all: false, places: places.unwrap_or_default() }
    }
}

/// The calls of a request whose errors are the server's own, in the form of [`Refused`]. Refused calls need not be
/// repeated here.
///
/// Handlers cannot set this header either. It shows the client whether a framework code comes from the server, or from
/// a handler that relays it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Refused);

impl Faults {
    /// Makes the list of all errors.
    pub fn all() -> Self {
        Self(Refused::all())
    }

    /// Adds the call at this place of a batch. Places must be added in ascending order.
    pub fn add(&mut self, index: usize) {
        self.0.add(index);
    }

    /// Returns whether the error of the call at this place is the server's own. A single call has place 0.
    pub fn contains(&self, index: usize) -> bool {
        self.0.contains(index)
    }

    /// Writes the header's value, or `None` if no error is the server's own. If not all places fit, the value is `all`:
    /// the client would take an unnamed error for a handler's.
    pub fn to_value(&self) -> Option<HeaderValue> {
        if self.0.fits() { self.0.to_value() } else { Refused::all().to_value() }
    }

    /// Reads the headers of a response. Returns whether the error of the call at this place is the server's own,
    /// refused calls included.
    pub fn name(headers: &HeaderMap, index: usize) -> bool {
        let of_faults = || headers.get(RPC_FAULT).is_some_and(|value| Refused::read(value).contains(index));
        of_faults() || Refused::of(headers).contains(index)
    }
}

fn place(text: &str) -> Option<Range<usize>> {
    let (first, last) = text.trim().split_once('-').unwrap_or((text.trim(), text.trim()));
    let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
    (first <= last).then_some(first..last.checked_add(1)?)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    use super::{Faults, RPC_FAULT, RPC_REFUSED, Refused, is_refused};

    #[test]
    fn a_refusal_is_believed_with_those_statuses_alone_with_which_servers_refuse() {
        let all = HeaderMap::from_iter([(RPC_REFUSED, HeaderValue::from_static("all"))]);
        for (status, believed) in [(200, true), (429, true), (503, true), (202, false), (500, false), (502, false)] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(is_refused(status, &all, 7), believed, "{status}");
            assert!(!is_refused(status, &HeaderMap::new(), 0));
        }
    }

    #[test]
    fn refused_places_are_joined_into_ranges() {
        let mut refused = Refused::default();
        assert_eq!(refused.to_value(), None);
        for index in [0, 1, 2, 7, 9, 10] {
            refused.add(index);
        }
        let value = refused.to_value().unwrap();
        assert_eq!(value, "0-2,7,9-10");
        let read = Refused::of(&HeaderMap::from_iter([(RPC_REFUSED, value)]));
        assert_eq!(read, refused);
        let places: Vec<_> = (0..12).filter(|index| read.contains(*index)).collect();
        assert_eq!(places, [0, 1, 2, 7, 9, 10]);
    }

    #[test]
    fn a_broken_list_of_places_refuses_nothing() {
        for broken in ["", "x", "1-", "3-1", "1,1", "2,1", "0-18446744073709551615", "ALL"] {
            let read = Refused::of(&HeaderMap::from_iter([(RPC_REFUSED, HeaderValue::from_static(broken))]));
            assert!((0..4).all(|index| !read.contains(index)), "{broken}");
        }
        assert!(Refused::of(&HeaderMap::from_iter([(RPC_REFUSED, HeaderValue::from_static("all"))])).contains(5));
    }

    #[test]
    fn errors_of_the_server_are_named_by_either_header() {
        let headers = |pairs: &[(&HeaderName, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).clone(), HeaderValue::from_static(value)));
            HeaderMap::from_iter(pairs)
        };
        let named = |headers: &HeaderMap| (0..4).filter(|index| Faults::name(headers, *index)).collect::<Vec<_>>();
        assert!(named(&headers(&[])).is_empty());
        assert_eq!(named(&headers(&[(&RPC_FAULT, "1-2")])), [1, 2]);
        assert_eq!(named(&headers(&[(&RPC_FAULT, "1"), (&RPC_REFUSED, "3")])), [1, 3]);
        assert_eq!(named(&headers(&[(&RPC_FAULT, "all")])), [0, 1, 2, 3]);
        assert_eq!(named(&headers(&[(&RPC_FAULT, "x"), (&RPC_REFUSED, "all")])), [0, 1, 2, 3]);
    }

    #[test]
    fn a_long_list_of_faults_is_all() {
        let mut faults = Faults::default();
        assert_eq!(faults.to_value(), None);
        faults.add(4);
        assert_eq!(faults.to_value().unwrap(), "4");
        (6..4000).step_by(2).for_each(|index| faults.add(index));
        assert_eq!(faults.to_value().unwrap(), "all");
    }

    #[test]
    fn a_long_list_of_places_names_the_first_ones_only() {
        let mut refused = Refused::default();
        (0..4000).step_by(2).for_each(|index| refused.add(index));
        let value = refused.to_value().unwrap();
        assert!(value.len() <= 2048);
        let read = Refused::of(&HeaderMap::from_iter([(RPC_REFUSED, value)]));
        assert!(read.contains(0) && read.contains(400) && !read.contains(1) && !read.contains(3998));
    }
}
