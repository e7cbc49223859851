use super::*;

fn parse(arguments: &[&str]) -> Result<Settings, SettingsError> {
    Settings::from_arguments(arguments.iter().map(OsString::from))
}

fn level(arguments: &[&str]) -> LogLevel {
    parse(arguments).unwrap().log.level
}

fn refusal(arguments: &[&str]) -> String {
    let error = parse(arguments).unwrap_err();
    assert_eq!(error.exit_code() as u8, 42);
    let text = error.to_string();
    assert!(text.starts_with("signaling.mediasoup: "), "{text}");
    text
}

#[test]
fn without_arguments_there_are_defaults() {
    let settings = parse(&[]).unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!((settings.rtc_min_port, settings.rtc_max_port), (10_000, 59_999));
    assert_eq!(settings.log.level, LogLevel::Error);
}

#[test]
fn what_the_library_says_is_understood() {
    let settings = parse(&[
        "--logLevel=warn",
        "--logTag=info",
        "--logTag=ice",
        "--logTag=nonsense",
        "--rtcMinPort=40000",
        "--rtcMaxPort=49999",
        "--libwebrtcFieldTrials=WebRTC-Bwe-AlrLimitedBackoff/Enabled/",
    ])
    .unwrap();
    assert_eq!(settings.log.level, LogLevel::Warn);
    assert_eq!(settings.log.tags.names().collect::<Vec<_>>(), ["info", "ice"]);
    assert_eq!((settings.rtc_min_port, settings.rtc_max_port), (40_000, 49_999));
    assert_eq!(settings.field_trials.unwrap(), "WebRTC-Bwe-AlrLimitedBackoff/Enabled/");
}

#[test]
fn one_dash_or_two_and_any_beginning_that_fits_one_option_will_do() {
    for option in ["--logLevel=debug", "-logLevel=debug", "--logL=debug", "-logL=DEBUG", "--logLev=Debug"] {
        assert_eq!(level(&[option]), LogLevel::Debug, "{option}");
    }
    assert_eq!(parse(&["--rtcMi=5", "-rtcMa=6"]).unwrap().rtc_max_port, 6);
    assert_eq!(parse(&["--li=x"]).unwrap().field_trials.unwrap(), "x");
}

#[test]
fn a_beginning_of_several_options_is_refused_with_their_names() {
    for option in ["--log=debug", "--l=x", "-l=x", "-r=1", "--dtls=x", "--=x", "-=x"] {
        assert!(refusal(&[option]).contains("beginning of several"), "{option}");
    }
    assert!(refusal(&["--log=debug"]).contains("--logLevel, --logTags"));
}

#[test]
fn unknown_options_are_refused() {
    for option in ["--foo=1", "-x", "--logLevels=debug", "--LogLevel=debug", "---logLevel=debug", "-1"] {
        assert!(refusal(&[option]).contains("no option"), "{option}");
    }
}

#[test]
fn a_value_stands_behind_an_equals_sign_or_is_missing() {
    assert!(refusal(&["--logLevel", "debug"]).contains("missing value in command line argument --logLevel"));
    assert!(refusal(&["--rtcMinPort"]).contains("missing value"));
    // The first one that is wrong is told, even if the next is wrong too.
    assert!(refusal(&["--logTag", "--foo"]).contains("missing value"));
}

#[test]
fn what_is_no_option_is_ignored_and_two_dashes_end_the_options() {
    assert_eq!(level(&["debug", "-", "", "--logLevel=warn", "more"]), LogLevel::Warn);
    assert_eq!(level(&["--logLevel=warn", "--", "--logLevel=debug", "--foo"]), LogLevel::Warn);
}

#[test]
fn the_last_of_several_counts_and_tags_add_up() {
    assert_eq!(level(&["--logLevel=warn", "--logLevel=none"]), LogLevel::None);
    let tags = parse(&["--logTags=rtp", "--logTag=ice"]).unwrap().log.tags;
    assert_eq!(tags.names().collect::<Vec<_>>(), ["ice", "rtp"]);
}

#[test]
fn an_unknown_level_is_refused() {
    assert!(refusal(&["--logLevel=chicken"]).contains("invalid value 'chicken' for logLevel"));
    assert!(refusal(&["--logLevel="]).contains("invalid value ''"));
}

#[test]
fn ports_are_read_like_c_does_it() {
    let port =
        |text: &str| parse(&[&format!("--rtcMinPort={text}"), "--rtcMaxPort=65535"]).map(|s| s.rtc_min_port);
    for (text, expected) in [
        ("0", 0),
        ("65535", 65_535),
        ("65536", 0),
        ("65537", 1),
        ("12abc", 12),
        ("12.9", 12),
        ("-1", 65_535),
        ("-65536", 0),
        ("+7", 7),
        (" \t\n7", 7),
        ("007", 7),
        ("2147483647", 65_535),
        ("-2147483648", 0),
    ] {
        assert_eq!(port(text).unwrap(), expected, "{text:?}");
    }
    for text in
        ["abc", "", " ", "-", "+", "--1", "+-1", "- 1", "2147483648", "-2147483649", "99999999999999999999"]
    {
        assert!(refusal(&[&format!("--rtcMinPort={text}")]).contains("stoi"), "{text:?}");
    }
}

#[test]
fn the_last_port_is_not_below_the_first() {
    assert!(refusal(&["--rtcMinPort=2000", "--rtcMaxPort=1999"]).contains("cannot be less"));
    // Against the default too, and after a port has wrapped around.
    assert!(refusal(&["--rtcMaxPort=9999"]).contains("cannot be less"));
    assert!(refusal(&["--rtcMaxPort=65536"]).contains("cannot be less"));
    assert!(parse(&["--rtcMinPort=2000", "--rtcMaxPort=2000"]).is_ok());
}

#[test]
fn the_two_files_of_dtls_go_together_and_must_be_readable() {
    let folder = std::env::temp_dir().join(format!("sfu-mediasoup-arguments-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| {
        let path = folder.join(name);
        std::fs::write(&path, "PEM").unwrap();
        path.display().to_string()
    };
    let certificate = format!("--dtlsCertificateFile={}", file("cert.pem"));
    let private_key = format!("--dtlsPrivateKeyFile={}", file("key.pem"));
    let files = parse(&[&certificate, &private_key]).unwrap().dtls_files.unwrap();
    assert_eq!(files.certificate, folder.join("cert.pem"));
    assert_eq!(files.private_key, folder.join("key.pem"));

    assert!(refusal(&[&certificate]).contains("dtlsPrivateKeyFile is missing"));
    assert!(refusal(&[&private_key]).contains("dtlsCertificateFile is missing"));
    // An empty name is none.
    assert!(refusal(&[&certificate, "--dtlsPrivateKeyFile="]).contains("dtlsPrivateKeyFile is missing"));
    assert_eq!(parse(&["--dtlsCertificateFile=", "--dtlsPrivateKeyFile="]).unwrap().dtls_files, None);
    let missing = format!("--dtlsCertificateFile={}", folder.join("nothing.pem").display());
    assert!(refusal(&[&missing, &private_key]).contains("dtlsCertificateFile"));
    let directory = format!("--dtlsPrivateKeyFile={}", folder.display());
    assert!(refusal(&[&certificate, &directory]).contains("it is no file"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn arguments_that_are_no_utf_8_are_refused_or_ignored() {
    let odd = |bytes: &[u8]| Settings::from_arguments([OsString::from_vec(bytes.to_vec())]);
    assert!(odd(b"\xff\xfe").is_ok());
    assert!(odd(b"--\xff=1").is_err());
    assert!(odd(b"--logLevel=\xff").is_err());
}
