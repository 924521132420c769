//! Check of mobile numbers: the lengths and first digits of mobile numbers by calling code.
//!
//! Source: the mobile numbering ranges in the metadata of libphonenumber 9.0.43 (Apache-2.0). They are cut to two
//! digits and merged over all countries of a calling code. If most of a first digit is in use, the range includes the
//! whole digit. So a new range beside an existing one is not refused. If two digits are also those of landlines
//! (Cambodia, South Africa), the table has more digits.
//!
//! North American mobile numbers cannot be distinguished from landlines. The old Mexican form with a 1, and Argentine
//! numbers without the 9, are accepted.

use super::countries;

/// Reason for which a number cannot receive SMS. It does not repeat the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotMobile {
    /// The first digits are assigned to no country and no network.
    #[error("phone must begin with a calling code that is assigned, such as +39")]
    Unassigned,
    /// The number contains the trunk prefix 0, which is dialled within a country only.
    #[error("phone must not have a 0 after the calling code")]
    TrunkZero,
    /// The number of digits is too low or too high for a mobile number of its country.
    #[error("phone must have {} digits after the calling code to be a mobile number there", span(*least, *most))]
    Length {
        /// Minimum number of digits.
        least: usize,
        /// Maximum number of digits.
        most: usize,
    },
    /// The number is a landline, or a free, shared-cost, premium or service number.
    #[error("phone must be a mobile number: landlines, free and premium numbers get no SMS")]
    OtherKind,
}

/// Codes of networks that belong to no country and may have mobile numbers: satellites and ships.
const GLOBAL_NETWORKS: [&str; 4] = ["870", "881", "882", "883"];
/// Codes of services without mobile numbers: free, shared-cost, personal and premium numbers.
const GLOBAL_SERVICES: [&str; 4] = ["800", "808", "878", "979"];

/// Checks a number, given as digits without the `+`.
///
/// # Errors
/// Returns the reason if it cannot be a mobile number. A number that is not certain passes.
pub fn check(digits: &str) -> Result<(), NotMobile> {
    if GLOBAL_NETWORKS.iter().any(|code| digits.starts_with(code)) {
        return Ok(());
    }
    if GLOBAL_SERVICES.iter().any(|code| digits.starts_with(code)) {
        return Err(NotMobile::OtherKind);
    }
    let row = (1..=3).find_map(|length| {
        let code = digits.get(..length)?;
        MOBILES.iter().find(|(known, ..)| *known == code)
    });
    let Some(&(code, least, most, prefixes)) = row else {
        let is_assigned = countries::of_number(digits).is_some();
        return if is_assigned { Ok(()) } else { Err(NotMobile::Unassigned) };
    };
    let national = digits.get(code.len()..).unwrap_or_default();
    let begins = prefixes.split(' ').any(|range| begins_in(national, range));
    if !begins && national.starts_with('0') && prefixes.split(' ').all(|range| !range.starts_with('0')) && code != "39"
    {
        return Err(NotMobile::TrunkZero);
    }
    if !(least..=most).contains(&national.len()) {
        return Err(NotMobile::Length { least, most });
    }
    // Free and premium numbers of North America belong to no country.
    if begins && !is_landline(code, national) && countries::of_number(digits).is_some() {
        Ok(())
    } else {
        Err(NotMobile::OtherKind)
    }
}

/// Returns `true` if a digit after the area code shows that the number is no mobile number. In Brazil, a mobile
/// number of eleven digits has a 9 there; one of ten digits has 6 to 9. In North America, no number has 0 or 1 there.
fn is_landline(code: &str, national: &str) -> bool {
    let digit = |at: usize| national.as_bytes().get(at).copied().unwrap_or_default();
    match code {
        "1" => digit(3) < b'2',
        "55" => digit(2) < if national.len() == 11 { b'9' } else { b'6' },
        _ => false,
    }
}

/// Returns `10`, or `9 to 10`.
fn span(least: usize, most: usize) -> String {
    if least == most { least.to_string() } else { format!("{least} to {most}") }
}

/// Returns `true` if a number begins with a prefix such as `15`, or with one of a range such as `15-17`.
fn begins_in(national: &str, range: &str) -> bool {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    national.get(..first.len()).is_some_and(|beginning| (first..=last).contains(&beginning))
}

/// Rows of calling code, minimum and maximum number of digits after it, and the prefixes of those digits.
#[rustfmt::skip]
const MOBILES: &[(&str, usize, usize, &str)] = &[
    ("1", 10, 10, "2-9"),
    ("20", 10, 10, "10-12 15"),
    ("211", 9, 9, "12 91-92 95 97-99"),
    ("212", 9, 9, "6-7"),
    ("213", 9, 9, "54-56 6 77-79"),
    ("216", 8, 8, "2 30-32 36 39 4-5 9"),
    ("218", 9, 9, "91-96"),
    ("220", 7, 9, "2-3 40-41 45 5-7 83-87 89 9"),
    ("221", 9, 9, "7"),
    ("222", 8, 8, "2-4"),
    ("223", 8, 8, "20-21 50-53 6-7 82-85 89 9"),
    ("224", 9, 9, "60-63 65-66"),
    ("225", 10, 10, "01 05 07"),
    ("226", 8, 8, "0 44-46 5-7"),
    ("227", 8, 8, "23 70 74 76-77 8-9"),
    ("228", 8, 8, "70-73 78-79 9"),
    ("229", 10, 10, "01"),
    ("230", 8, 8, "52 54-55 57-59 70 73"),
    ("231", 7, 9, "22 33 42 46-47 5-6 76-77 88"),
    ("232", 8, 8, "25 30-35 66 7 80 88 90 99"),
    ("233", 9, 9, "2 5"),
    ("234", 10, 10, "70-72 80-81 90-91"),
    ("235", 8, 8, "30-31 6 77 85-87 9"),
    ("236", 8, 8, "7"),
    ("237", 9, 9, "24 6"),
    ("238", 7, 7, "36 51-53 57-59 9"),
    ("239", 7, 7, "90 98-99"),
    ("240", 9, 9, "22 55"),
    ("241", 7, 8, "02-07 2-7"),
    ("242", 9, 9, "01-02 04-06"),
    ("243", 7, 9, "8 90-91 96-99"),
    ("244", 9, 9, "9"),
    ("245", 9, 9, "95-97"),
    ("246", 7, 7, "38"),
    ("247", 5, 5, "2-4 7"),
    ("248", 7, 7, "21-22 25-28"),
    ("249", 9, 9, "10-12 9"),
    ("250", 9, 9, "72-73 77-79"),
    ("251", 9, 9, "7 80-81 9"),
    ("252", 7, 9, "15 24 28 35 39 48-49 6-7 80 88 9"),
    ("253", 8, 8, "77"),
    ("254", 9, 9, "10-14 18 7"),
    ("255", 9, 9, "6-7"),
    ("256", 9, 9, "7"),
    ("257", 8, 8, "29 6-7"),
    ("258", 9, 9, "8"),
    ("260", 9, 9, "55-58 75-79 95-98"),
    ("261", 9, 9, "3"),
    ("262", 9, 9, "63 69-70"),
    ("263", 9, 9, "7"),
    ("264", 9, 9, "60 81-82 84-85"),
    ("265", 9, 9, "11 21-22 31 77 88-89 98-99"),
    ("266", 8, 8, "5-6"),
    ("267", 8, 8, "7"),
    ("268", 8, 8, "75-79"),
    ("269", 7, 7, "3-4"),
    ("27", 5, 9, "191-192 500-502 6-7 81-85 87"),
    ("290", 5, 5, "5-6 9"),
    ("291", 7, 7, "17 7"),
    ("297", 7, 7, "29 56 59-60 62-64 66 69 73-74 77 96 99"),
    ("298", 6, 6, "2 5 7 91 96"),
    ("299", 6, 6, "2 4-5"),
    ("30", 10, 10, "68-69 94"),
    ("31", 9, 11, "61-65 68 97"),
    ("32", 9, 9, "45-49"),
    ("33", 9, 9, "6-7"),
    ("34", 9, 9, "6 71-74 78 96-97"),
    ("350", 8, 8, "51-52 54 56-58 60"),
    ("351", 9, 9, "16 60 63 65-66 91-94 96"),
    ("352", 9, 9, "62 65-69"),
    ("353", 9, 9, "8"),
    ("354", 7, 9, "38 6 75-79 8"),
    ("355", 9, 9, "67-69"),
    ("356", 8, 8, "72 77 79 92 96 98-99"),
    ("357", 8, 8, "91 94-97 99"),
    ("358", 6, 10, "4 50"),
    ("359", 8, 9, "43 87-89 98-99"),
    ("36", 9, 9, "20 30-31 50 70"),
    ("370", 8, 8, "6"),
    ("371", 8, 8, "2"),
    ("372", 7, 8, "5 81-84 89"),
    ("373", 8, 8, "56 6 71 76-79"),
    ("374", 8, 8, "33 41 43-44 49 55 77 88 9"),
    ("375", 9, 9, "25 29 33 44"),
    ("376", 6, 9, "3 5-6"),
    ("377", 8, 9, "3 44-46 6-7"),
    ("378", 8, 8, "61 66"),
    ("380", 9, 9, "39 50 63 66-68 71-73 75 77 79 9"),
    ("381", 8, 10, "6"),
    ("382", 8, 8, "60 63 66-69"),
    ("383", 8, 8, "4"),
    ("385", 8, 9, "9"),
    ("386", 8, 8, "30-31 40-41 43 51 64-65 68-71"),
    ("387", 8, 9, "6"),
    ("389", 8, 8, "7"),
    ("39", 9, 10, "3 43"),
    ("40", 9, 9, "7"),
    ("41", 9, 9, "68-69 7"),
    ("420", 9, 9, "60 70-73 77 79"),
    ("421", 9, 9, "90-91 94-95"),
    ("423", 7, 9, "64-66 73-75 77-79"),
    ("43", 7, 13, "64-69"),
    ("44", 10, 10, "71-79"),
    ("45", 8, 8, "2-7 81-82 86-89 9"),
    ("46", 9, 9, "70 72-73 76 78-79"),
    ("47", 8, 8, "40-41 45-48 9"),
    ("48", 9, 9, "21 45 50-51 53 57 60 66 69 72-73 78-79 88"),
    ("49", 10, 11, "15-17"),
    ("500", 5, 5, "5-6"),
    ("501", 7, 7, "6"),
    ("502", 8, 8, "3-5 80"),
    ("503", 8, 8, "5-7"),
    ("504", 8, 8, "3 7-9"),
    ("505", 8, 8, "55 57-58 6 75-78 8"),
    ("506", 8, 8, "30 50 57 60-65 70-73 8"),
    ("507", 7, 8, "11 16 21 6 81 87"),
    ("508", 6, 9, "2-3 40 42-44 48-49 5-9"),
    ("509", 8, 8, "3-4 55-56 58"),
    ("51", 9, 9, "9"),
    ("52", 10, 11, "1 22-24 27-29 3-4 55-56 58-59 6-9"),
    ("53", 8, 8, "5 62-64"),
    ("54", 10, 11, "11 22-24 26 28-29 33-38 67 91-93"),
    ("55", 10, 11, "1 21-22 24 27-28 3-4 51 53-55 6 71 73-75 77 79 8-9"),
    ("56", 9, 9, "21-23 26 32-35 41-43 45 51-53 55 57-58 61 63-65 67 71-73 75 8-9"),
    ("57", 10, 10, "30-33 35 37 94"),
    ("58", 10, 10, "41-42"),
    ("590", 9, 9, "69-70"),
    ("591", 8, 8, "57 6-7"),
    ("592", 7, 7, "51 6-7"),
    ("593", 9, 9, "93 95-99"),
    ("594", 9, 9, "69-70"),
    ("595", 9, 9, "95-99"),
    ("596", 9, 9, "69-70"),
    ("597", 7, 7, "60 68 7-8"),
    ("598", 8, 8, "9"),
    ("599", 7, 8, "31 41 70 77-79 95-96"),
    ("60", 9, 10, "1"),
    ("61", 9, 9, "4"),
    ("62", 9, 12, "8"),
    ("63", 10, 10, "81 89 9"),
    ("64", 8, 10, "2"),
    ("65", 8, 8, "8-9"),
    ("66", 9, 9, "14 6 8-9"),
    ("670", 8, 8, "7"),
    ("672", 6, 6, "14 35 38"),
    ("673", 7, 7, "22 7-8"),
    ("674", 7, 7, "22 55 66 77 8 99"),
    ("675", 8, 8, "7 81-85 88"),
    ("676", 7, 7, "54-55 60 63 68-69 7 84 86-89 99"),
    ("677", 5, 7, "48 68-69 7 84-89 9"),
    ("678", 7, 7, "5 7-8"),
    ("679", 7, 7, "2 45 50-51 55-56 58 7 80 83-84 86-87 89 9"),
    ("680", 7, 7, "45-46 62-64 66 68-69 77-78 83 88"),
    ("681", 6, 6, "72 82-83"),
    ("682", 5, 5, "5 7-8"),
    ("683", 4, 7, "5-6 88"),
    ("685", 7, 10, "7 83-87 89"),
    ("686", 8, 8, "62-63 7"),
    ("687", 6, 6, "5 7-9"),
    ("688", 6, 7, "70-71 90"),
    ("689", 8, 8, "87-89"),
    ("690", 4, 7, "72-74"),
    ("691", 7, 7, "3 82 92-97"),
    ("692", 7, 7, "23 32 45 54"),
    ("7", 10, 10, "70 74 76-78 9"),
    ("81", 10, 10, "60 70 80 90"),
    ("82", 9, 10, "1"),
    ("84", 9, 9, "12 14 16 3 51-52 55-56 58-59 70 76-79 8-9"),
    ("850", 10, 10, "19"),
    ("852", 8, 8, "40 42 44 46-47 5-6 70-71 84 9"),
    ("853", 8, 8, "62-63 65-66 68"),
    ("855", 8, 9, "1 2348 2448 2548 2648 31 3248 3348 3448 3548 3648 38 4248 4348 4448 5248 5348 5448 5548 60-61 6248 6348 6448 6548 66-71 7248 7348 7448 7548 76-79 8-9"),
    ("856", 9, 10, "20 30"),
    ("86", 11, 11, "1"),
    ("880", 10, 10, "1 37-38 44 64 66"),
    ("886", 9, 9, "40 9"),
    ("90", 10, 10, "5"),
    ("91", 10, 10, "16 6-9"),
    ("92", 10, 10, "3"),
    ("93", 9, 9, "7"),
    ("94", 9, 9, "7"),
    ("95", 7, 10, "17 9"),
    ("960", 7, 7, "46 7 9"),
    ("961", 7, 8, "3 70-71 76 78-79 81"),
    ("962", 9, 9, "42 71-72 77-79"),
    ("963", 9, 9, "50 9"),
    ("964", 10, 10, "7"),
    ("965", 8, 8, "41 5-6 9"),
    ("966", 9, 9, "5"),
    ("967", 9, 9, "70-71 73 77-78"),
    ("968", 8, 8, "15 7 9"),
    ("970", 9, 9, "56 59"),
    ("971", 9, 9, "5"),
    ("972", 9, 9, "5"),
    ("973", 8, 8, "3 63-64 66"),
    ("974", 8, 8, "3 5-7"),
    ("975", 8, 8, "16-17 77 87"),
    ("976", 8, 8, "50 55 60 66 69 72 78 8-9"),
    ("977", 10, 10, "90 96-98"),
    ("98", 10, 10, "90-93 99"),
    ("992", 9, 9, "0 10-12 17-22 27 30 33 38 40-41 44 50 55 66 70-71 75 77-81 87-89 9"),
    ("993", 8, 8, "6 71-72"),
    ("994", 9, 9, "10 36 40 44 50-51 55 60 70 77 99"),
    ("995", 9, 9, "5 79"),
    ("996", 9, 9, "20 22 31 5 60 70 75 77 88 91 99"),
    ("998", 9, 9, "20 33 50 61-62 65-67 7 80 87-88 9"),
];

#[cfg(test)]
mod tests;
