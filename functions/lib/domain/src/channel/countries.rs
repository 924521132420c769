//! Country of a phone number: the calling codes of ITU-T E.164, and longer prefixes where several countries share a
//! code.
//!
//! Sources: the ITU's list of assigned codes; the North American area codes of NANPA and the Canadian administrator;
//! the national plans of the United Kingdom, Russia and Kazakhstan, Italy, Norway, Finland, Australia, Réunion and
//! the former Netherlands Antilles. As of November 2026.
//!
//! Numbers of Saint Barthélemy and Saint Martin cannot be distinguished from Guadeloupe's. An unlisted area code of
//! North America counts as one of the United States, because nearly all new ones are there.

/// Length of the longest prefix in the table.
const MAX_PREFIX_DIGITS: usize = 7;
/// Length of a number in the North American plan: 1, area code, seven digits.
const NORTH_AMERICAN_DIGITS: usize = 11;

/// Returns the country of a number, given as digits without the `+`.
pub fn of_number(digits: &str) -> Option<&'static str> {
    if digits.starts_with('1') && !is_north_american(digits) {
        return None;
    }
    (1..=MAX_PREFIX_DIGITS.min(digits.len()))
        .rev()
        .filter_map(|length| digits.get(..length))
        .find_map(|prefix| PREFIXES.iter().find(|(_, list)| list.split(' ').any(|known| known == prefix)))
        .map(|(country, _)| *country)
        .filter(|country| !country.is_empty())
}

/// Returns `true` if the country, given by its ISO 3166-1 alpha-2 code, has prefixes of its own.
pub fn has_calling_code(country: &str) -> bool {
    !country.is_empty() && PREFIXES.iter().any(|(known, _)| *known == country)
}

/// Checks the length and the area code, which starts with 2 to 9 and does not end in 11.
fn is_north_american(digits: &str) -> bool {
    let area = digits.get(1..4).unwrap_or_default();
    digits.len() == NORTH_AMERICAN_DIGITS && !area.starts_with(['0', '1']) && !area.ends_with("11")
}

/// Prefixes by country. The empty country holds free, premium, personal and machine numbers of North America.
#[rustfmt::skip]
const PREFIXES: &[(&str, &str)] = &[
    ("", "1500 1521 1522 1523 1524 1525 1526 1527 1528 1529 1532 1533 1535 1538 1542 1543 1544 1545 1546 1547 1549 1550 1552 1553 1554 1556 1566 1569 1577 1578 1588 1589"),
    ("", "1600 1622 1633 1644 1655 1677 1688 1700 1800 1822 1833 1844 1855 1866 1877 1880 1881 1882 1883 1884 1885 1886 1887 1888 1889 1900"),
    ("AC", "247"), ("AD", "376"), ("AE", "971"), ("AF", "93"),
    ("AG", "1268"),
    ("AI", "1264"),
    ("AL", "355"),
    ("AM", "374"),
    ("AO", "244"),
    ("AR", "54"),
    ("AS", "1684"),
    ("AT", "43"),
    ("AU", "61"),
    ("AW", "297"),
    ("AX", "35818"),
    ("AZ", "994"),
    ("BA", "387"),
    ("BB", "1246"),
    ("BD", "880"),
    ("BE", "32"),
    ("BF", "226"),
    ("BG", "359"),
    ("BH", "973"),
    ("BI", "257"),
    ("BJ", "229"),
    ("BM", "1441"),
    ("BN", "673"),
    ("BO", "591"),
    ("BQ", "5993 5994 5997"),
    ("BR", "55"),
    ("BS", "1242"),
    ("BT", "975"),
    ("BW", "267"),
    ("BY", "375"),
    ("BZ", "501"),
    ("CA", "1204 1226 1236 1249 1250 1257 1263 1273 1289 1306 1343 1354 1365 1367 1368 1382 1403 1416 1418 1428 1431 1437 1438 1450 1468 1474 1506 1514 1519 1548 1579 1581 1584 1587 1604 1613 1639 1647 1672 1683 1705 1709 1742 1753 1778 1780 1782 1807 1819 1825 1867 1873 1879 1902 1905 1942"),
    ("CC", "6189162"),
    ("CD", "243"),
    ("CF", "236"),
    ("CG", "242"),
    ("CH", "41"),
    ("CI", "225"),
    ("CK", "682"),
    ("CL", "56"),
    ("CM", "237"),
    ("CN", "86"),
    ("CO", "57"),
    ("CR", "506"),
    ("CU", "53"),
    ("CV", "238"),
    ("CW", "5996 5999"),
    ("CX", "6189164"),
    ("CY", "357"),
    ("CZ", "420"),
    ("DE", "49"),
    ("DJ", "253"),
    ("DK", "45"),
    ("DM", "1767"),
    ("DO", "1809 1829 1849"),
    ("DZ", "213"),
    ("EC", "593"),
    ("EE", "372"),
    ("EG", "20"),
    ("ER", "291"),
    ("ES", "34"),
    ("ET", "251"),
    ("FI", "358"),
    ("FJ", "679"),
    ("FK", "500"),
    ("FM", "691"),
    ("FO", "298"),
    ("FR", "33"),
    ("GA", "241"),
    ("GB", "44"),
    ("GD", "1473"),
    ("GE", "995"),
    ("GF", "594"),
    ("GG", "441481 447781 447839 4479111 4479117"),
    ("GH", "233"),
    ("GI", "350"),
    ("GL", "299"),
    ("GM", "220"),
    ("GN", "224"),
    ("GP", "590"),
    ("GQ", "240"),
    ("GR", "30"),
    ("GT", "502"),
    ("GU", "1671"),
    ("GW", "245"),
    ("GY", "592"),
    ("HK", "852"),
    ("HN", "504"),
    ("HR", "385"),
    ("HT", "509"),
    ("HU", "36"),
    ("ID", "62"),
    ("IE", "353"),
    ("IL", "972"),
    ("IM", "441624 4474576 447524 447624"),
    ("IN", "91"),
    ("IO", "246"),
    ("IQ", "964"),
    ("IR", "98"),
    ("IS", "354"),
    ("IT", "39"),
    ("JE", "441534 447509 4477003 4477007 4477008 447797 447829 447937"),
    ("JM", "1658 1876"),
    ("JO", "962"),
    ("JP", "81"),
    ("KE", "254"),
    ("KG", "996"),
    ("KH", "855"),
    ("KI", "686"),
    ("KM", "269"),
    ("KN", "1869"),
    ("KP", "850"),
    ("KR", "82"),
    ("KW", "965"),
    ("KY", "1345"),
    ("KZ", "76 77"),
    ("LA", "856"),
    ("LB", "961"),
    ("LC", "1758"),
    ("LI", "423"),
    ("LK", "94"),
    ("LR", "231"),
    ("LS", "266"),
    ("LT", "370"),
    ("LU", "352"),
    ("LV", "371"),
    ("LY", "218"),
    ("MA", "212"),
    ("MC", "377"),
    ("MD", "373"),
    ("ME", "382"),
    ("MG", "261"),
    ("MH", "692"),
    ("MK", "389"),
    ("ML", "223"),
    ("MM", "95"),
    ("MN", "976"),
    ("MO", "853"),
    ("MP", "1670"),
    ("MQ", "596"),
    ("MR", "222"),
    ("MS", "1664"),
    ("MT", "356"),
    ("MU", "230"),
    ("MV", "960"),
    ("MW", "265"),
    ("MX", "52"),
    ("MY", "60"),
    ("MZ", "258"),
    ("NA", "264"),
    ("NC", "687"),
    ("NE", "227"),
    ("NF", "672"),
    ("NG", "234"),
    ("NI", "505"),
    ("NL", "31"),
    ("NO", "47"),
    ("NP", "977"),
    ("NR", "674"),
    ("NU", "683"),
    ("NZ", "64"),
    ("OM", "968"),
    ("PA", "507"),
    ("PE", "51"),
    ("PF", "689"),
    ("PG", "675"),
    ("PH", "63"),
    ("PK", "92"),
    ("PL", "48"),
    ("PM", "508"),
    ("PR", "1787 1939"),
    ("PS", "970"),
    ("PT", "351"),
    ("PW", "680"),
    ("PY", "595"),
    ("QA", "974"),
    ("RE", "262"),
    ("RO", "40"),
    ("RS", "381"),
    ("RU", "7"),
    ("RW", "250"),
    ("SA", "966"),
    ("SB", "677"),
    ("SC", "248"),
    ("SD", "249"),
    ("SE", "46"),
    ("SG", "65"),
    ("SH", "290"),
    ("SI", "386"),
    ("SJ", "4779"),
    ("SK", "421"),
    ("SL", "232"),
    ("SM", "378"),
    ("SN", "221"),
    ("SO", "252"),
    ("SR", "597"),
    ("SS", "211"),
    ("ST", "239"),
    ("SV", "503"),
    ("SX", "1721"),
    ("SY", "963"),
    ("SZ", "268"),
    ("TC", "1649"),
    ("TD", "235"),
    ("TG", "228"),
    ("TH", "66"),
    ("TJ", "992"),
    ("TK", "690"),
    ("TL", "670"),
    ("TM", "993"),
    ("TN", "216"),
    ("TO", "676"),
    ("TR", "90"),
    ("TT", "1868"),
    ("TV", "688"),
    ("TW", "886"),
    ("TZ", "255"),
    ("UA", "380"),
    ("UG", "256"),
    ("US", "1"),
    ("UY", "598"),
    ("UZ", "998"),
    ("VA", "379 3906698"),
    ("VC", "1784"),
    ("VE", "58"),
    ("VG", "1284"),
    ("VI", "1340"),
    ("VN", "84"),
    ("VU", "678"),
    ("WF", "681"),
    ("WS", "685"),
    ("XK", "383"),
    ("YE", "967"),
    ("YT", "262269 262639 2627093"),
    ("ZA", "27"),
    ("ZM", "260"),
    ("ZW", "263"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_countries(cases: &[(&str, &str)]) {
        for (digits, country) in cases {
            assert_eq!(of_number(digits), Some(*country), "{digits}");
        }
    }

    #[test]
    fn calling_codes_tell_the_country() {
        assert_countries(&[
            ("4915112345678", "DE"),
            ("393331234567", "IT"),
            ("33612345678", "FR"),
            ("41791234567", "CH"),
            ("436641234567", "AT"),
            ("34612345678", "ES"),
            ("351912345678", "PT"),
            ("38349123456", "XK"),
            ("21191234567", "SS"),
            ("918012345678", "IN"),
            ("67071234567", "TL"),
            ("2902123", "SH"),
        ]);
    }

    #[test]
    fn north_american_area_codes_tell_the_country() {
        assert_countries(&[
            ("12025550123", "US"),
            ("14155550123", "US"),
            ("14165550123", "CA"),
            ("16045550123", "CA"),
            ("18765550123", "JM"),
            ("16585550123", "JM"),
            ("18095550123", "DO"),
            ("18295550123", "DO"),
            ("18495550123", "DO"),
            ("17875550123", "PR"),
            ("12425550123", "BS"),
            ("12465550123", "BB"),
            ("17215550123", "SX"),
            ("16715550123", "GU"),
        ]);
    }

    #[test]
    fn countries_that_share_a_code_are_distinguished() {
        assert_countries(&[
            ("447400123456", "GB"),
            ("442079460000", "GB"),
            ("447797123456", "JE"),
            ("447781123456", "GG"),
            ("447911712345", "GG"),
            ("447911212345", "GB"),
            ("447624123456", "IM"),
            ("79161234567", "RU"),
            ("77011234567", "KZ"),
            ("390612345678", "IT"),
            ("390669812345", "VA"),
            ("4741234567", "NO"),
            ("4779123456", "SJ"),
            ("358401234567", "FI"),
            ("35818123456", "AX"),
            ("262692123456", "RE"),
            ("262639123456", "YT"),
            ("59995181234", "CW"),
            ("5997123456", "BQ"),
            ("212612345678", "MA"),
        ]);
    }

    #[test]
    fn a_number_of_no_country_has_none() {
        for digits in [
            "18005550123",
            "19005550123",
            "15005550123",
            "16005550123",
            "1202555012",
            "120255501234",
            "11155501234",
            "12115550123",
            "870773123456",
            "881612345678",
            "883510012345",
            "80012345678",
            "97912345678",
            "21012345678",
            "9991234567",
        ] {
            assert_eq!(of_number(digits), None, "{digits}");
        }
    }

    #[test]
    fn every_prefix_stands_once_and_every_country_in_one_row() {
        let mut prefixes: Vec<&str> = PREFIXES.iter().flat_map(|(_, list)| list.split(' ')).collect();
        assert!(
            prefixes
                .iter()
                .all(|p| (1..=MAX_PREFIX_DIGITS).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
        );
        let count = prefixes.len();
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), count);
        let mut countries: Vec<&str> = PREFIXES.iter().map(|(country, _)| *country).filter(|c| !c.is_empty()).collect();
        assert!(countries.iter().all(|country| country.len() == 2));
        assert!(countries.is_sorted());
        countries.dedup();
        assert_eq!(countries.len(), PREFIXES.len() - 2);
    }
}
