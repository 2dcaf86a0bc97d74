use proptest::prelude::*;
use serde_json::value::RawValue;

use super::Scanner;

#[track_caller]
fn assert_agrees(text: &str) {
    assert_eq!(Scanner::is_json(text), serde_json::from_str::<&RawValue>(text).is_ok(), "{text:?}");
}

const TEXTS: &[&str] = &[
    "",
    " ",
    "0",
    "-0",
    "-",
    "+1",
    "01",
    "1.",
    ".5",
    "1.5",
    "1e",
    "1e+",
    "1E-7",
    "1e999",
    "1e5.",
    "--1",
    "1 2",
    "0x1",
    "true",
    "tru",
    "truee",
    "false",
    "null",
    "nul",
    "\"\"",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\u00e9\"",
    "\"\\u00g9\"",
    "\"\\u00\"",
    "\"\\x\"",
    "\"\\ud800\"",
    "\"\\\\\"",
    "\"tab\there\"",
    "\"nul\0\"",
    "\"\u{7f}\u{80}\u{2028}é😀\"",
    "\"12345678\"",
    "\"1234567\u{1f}9\"",
    "\"12345678901234567\\n\"",
    "[]",
    "[ ]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1,2]",
    "[",
    "]",
    "{}",
    "{ }",
    "{\"a\":1}",
    "{\"a\" : 1 , \"b\":[{}]}",
    "{\"a\"}",
    "{\"a\":}",
    "{a:1}",
    "{\"a\":1,}",
    "{1:1}",
    "{\"a\":1",
    "\u{feff}1",
    "1\u{c}",
    "\u{a0}1",
    "1\u{0}",
    "\t\r\n 1 \t\r\n",
];

#[test]
fn the_scanner_and_serde_json_agree_on_the_grammar() {
    for text in TEXTS {
        assert_agrees(text);
    }
}

#[test]
fn deep_values_are_scanned_without_recursion_and_told_of() {
    for (levels, too_deep) in [(126, false), (127, false), (128, true), (100_000, true)] {
        let text = "[".repeat(levels) + &"]".repeat(levels) + " 7";
        let mut scanner = Scanner::new(&text);
        assert_eq!(scanner.value().map(str::len), Ok(2 * levels));
        assert_eq!(scanner.take_too_deep(), too_deep, "{levels}");
        assert_eq!(scanner.value(), Ok("7"));
    }
    assert!(Scanner::new(&"[".repeat(100_000)).value().is_err());
}

#[test]
fn long_strings_end_where_they_end_wherever_they_stand() {
    for len in 0..260 {
        for special in ["", "\\n", "\\\"", "é", "\n"] {
            let text = format!("\"{}{special}{}\"", "a".repeat(len), "b".repeat(len % 70));
            assert_agrees(&text);
            assert_agrees(&format!("[{text}, {{{text}:{text}}}]"));
            let both = format!("{text} \"more\"");
            let expected = serde_json::from_str::<&RawValue>(&text).ok().map(RawValue::get);
            assert_eq!(Scanner::new(&both).long_value().ok(), expected, "{text}");
        }
    }
}

proptest! {
    #[test]
    fn the_scanner_and_serde_json_agree_on_any_text(text in any::<String>()) {
        assert_agrees(&text);
    }

    #[test]
    fn the_scanner_and_serde_json_agree_on_text_of_json_bits(
        text in prop::collection::vec(
            prop::sample::select(&[
                "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "0", "12", "-", ".", "e", "E", "+", "true", "null", " ",
                "\n", "a", "\"a\"", "\"id\":", "é", "\u{1f}", "abcdefgh",
            ][..]),
            0..24,
        ),
    ) {
        assert_agrees(&text.concat());
    }

    #[test]
    fn strings_of_any_length_end_where_they_end(text in any::<String>(), rest in any::<String>()) {
        let json = serde_json::to_string(&text).unwrap();
        let both = format!("{json}{rest}");
        prop_assert_eq!(Scanner::new(&both).value(), Ok(&*json));
        prop_assert_eq!(Scanner::new(&both).long_value(), Ok(&*json));
    }
}
