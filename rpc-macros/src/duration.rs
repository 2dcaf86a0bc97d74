/// Parses a duration such as `250ms`, `2s`, `5m` or `1h`, and returns it in milliseconds.
///
/// # Errors
///
/// If the text is no duration or the duration is too long. The error is a message for the user.
pub(crate) fn parse_millis(text: &str) -> Result<u64, String> {
    let end_of_digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end_of_digits);
    let unit_millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(malformed(text)),
    };
    if number.is_empty() {
        return Err(malformed(text));
    }
    let millis = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_millis));
    match millis {
        Some(0) => Err("a timeout must be longer than zero".to_owned()),
        Some(millis) => Ok(millis),
        None => Err(format!("the duration `{text}` is too long")),
    }
}

fn malformed(text: &str) -> String {
    format!(
        "`{text}` is not a duration: write a whole number and one of the units `ms`, `s`, `m`, `h`, as in `\"500ms\"` or `\"2s\"`"
    )
}

#[cfg(test)]
mod tests {
    use super::parse_millis;

    #[test]
    fn each_unit_counts_in_milliseconds() {
        for (text, millis) in [("250ms", 250), ("2s", 2_000), ("5m", 300_000), ("1h", 3_600_000), ("007s", 7_000)] {
            assert_eq!(parse_millis(text), Ok(millis), "{text}");
        }
    }

    #[test]
    fn anything_but_a_whole_number_and_a_unit_is_malformed() {
        for text in ["", "2", "s", "2 s", " 2s", "2s ", "1.5s", "-1s", "+1s", "2S", "2sec", "1m30s", "2µs"] {
            let error = parse_millis(text).unwrap_err();
            assert!(error.starts_with(&format!("`{text}` is not a duration")), "{text}: {error}");
        }
    }

    #[test]
    fn zero_is_refused() {
        for text in ["0s", "0ms", "000h"] {
            assert_eq!(parse_millis(text), Err("a timeout must be longer than zero".to_owned()), "{text}");
        }
    }

    #[test]
    fn what_overflows_is_refused() {
        for text in ["18446744073709551616ms", "18446744073709551615s", "5124095576031h"] {
            assert_eq!(parse_millis(text), Err(format!("the duration `{text}` is too long")));
        }
        assert_eq!(parse_millis("18446744073709551615ms"), Ok(u64::MAX));
    }
}
