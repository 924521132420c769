//! Requirements on template.yaml and infra/data.yaml for repeated deploys on AWS, in accounts with their own policies.

use std::collections::{BTreeMap, BTreeSet};

use platform::environment::{Environment, EnvironmentError};
use yaml_rust2::{Yaml, YamlLoader};

use tests::template::{FUNCTIONS, Template, logical, pairs};

const RUNBOOKS: &str = include_str!("../../docs/runbooks.md");

/// Logical ids of every resource of a type.
fn of_type(template: &Template, wanted: &str) -> Vec<String> {
    let resources = template.resources().into_iter();
    resources.filter(|(_, kind)| *kind == wanted).map(|(name, _)| name).collect()
}

/// The parts of `!If [condition, value, other]`.
fn if_parts(value: &Yaml) -> Vec<&str> {
    value.as_vec().into_iter().flatten().filter_map(Yaml::as_str).collect()
}

#[test]
fn every_role_takes_the_account_s_permissions_boundary() {
    let template = Template::read();
    let roles = of_type(&template, "AWS::IAM::Role");
    assert_eq!(roles.len(), FUNCTIONS.len() + 1, "{roles:?}");
    for role in roles {
        let bound = &template.properties(&role)["PermissionsBoundary"];
        assert_eq!(
            if_parts(bound),
            ["HasPermissionsBoundary", "PermissionsBoundaryArn", "AWS::NoValue"],
            "{role} has no boundary"
        );
    }
}

/// SAM would create a role for each schedule, without the boundary and open to schedules of other accounts.
#[test]
fn every_schedule_runs_in_the_stack_s_own_role_which_this_account_alone_may_take() {
    let template = Template::read();
    let events: Vec<_> = FUNCTIONS.iter().flat_map(|function| template.events(function)).collect();
    let schedules: Vec<_> = events.iter().filter(|event| event["Type"].as_str() == Some("ScheduleV2")).collect();
    assert_eq!(schedules.len(), 5);
    for schedule in schedules {
        assert_eq!(schedule["Properties"]["RoleArn"].as_str(), Some("SchedulerRole.Arn"));
    }
    let role = template.properties("SchedulerRole");
    let trust = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Principal"]["Service"].as_str(), Some("scheduler.amazonaws.com"));
    assert_eq!(trust["Condition"]["StringEquals"]["aws:SourceAccount"].as_str(), Some("AWS::AccountId"));
    let invoked = role["Policies"][0]["PolicyDocument"]["Statement"][0]["Resource"].as_vec().unwrap();
    let invoked: BTreeSet<_> = invoked.iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    let scheduled = FUNCTIONS
        .iter()
        .filter(|function| template.events(function).iter().any(|event| event["Type"].as_str() == Some("ScheduleV2")));
    assert_eq!(invoked, scheduled.map(|function| format!("{}.Arn", logical(function, "Function"))).collect());
}

#[test]
fn an_authorizer_that_cannot_be_made_fails_the_deploy() {
    let template = Template::read();
    assert_eq!(template.properties("HttpApi")["FailOnWarnings"].as_bool(), Some(true));
}

#[test]
fn public_and_steering_functions_can_have_concurrency_of_their_own() {
    let template = Template::read();
    for (function, name) in [("track", "Track"), ("cascade", "Cascade"), ("rollup", "Rollup")] {
        let reserved = &template.properties(&logical(function, "Function"))["ReservedConcurrentExecutions"];
        let parameter = format!("{name}ReservedConcurrency");
        assert_eq!(if_parts(reserved), [&format!("Reserves{name}"), parameter.as_str(), "AWS::NoValue"]);
        assert_eq!(template.parameter(&parameter)["Default"].as_str(), Some(""), "an account may have too few");
    }
    // Without a session, a page of the console calls nothing, and its throttles are low.
    let public = template.api_routes().into_iter().filter(|route| route.is_public);
    let served: BTreeSet<_> = public.map(|route| route.function).collect();
    assert_eq!(served, BTreeSet::from(["recipients", "track"]), "a public route beyond these needs a reservation too");
}

/// Another issuer removes the pool from the data stack. The pool and its clients are retained, so that they can be
/// imported.
#[test]
fn clients_and_tables_outlive_their_stack() {
    let template = Template::read_data();
    let kept = ["AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient", "AWS::Cognito::UserPoolResourceServer"];
    for kind in kept.into_iter().chain(["AWS::DynamoDB::Table"]) {
        let names = of_type(&template, kind);
        assert!(!names.is_empty(), "{kind}");
        for name in names {
            let resource = template.resource(&name);
            assert_eq!(resource["DeletionPolicy"].as_str(), Some("RetainExceptOnCreate"), "{name}");
            assert_eq!(resource["UpdateReplacePolicy"].as_str(), Some("Retain"), "{name}");
            // `make deploy` protects it afterwards: protected here, it would block the rollback of a failed first
            // deploy.
            let property = &resource["Properties"]["DeletionProtectionEnabled"];
            assert!(property.is_badvalue() && resource["Properties"]["DeletionProtection"].is_badvalue(), "{name}");
        }
    }
}

/// A resource that outlives deploys belongs in the data stack.
#[test]
fn every_deploy_may_replace_the_stack_of_the_functions() {
    let template = Template::read();
    for (name, kind) in template.resources() {
        let is_kept = kind == "AWS::DynamoDB::Table" || kind == "AWS::Cognito::UserPool";
        let policy = template.resource(&name)["DeletionPolicy"].as_str().unwrap_or("Delete");
        assert!(!is_kept && policy == "Delete", "{name} belongs into infra/data.yaml");
    }
    assert!(Template::read_data().resources().len() >= 10);
}

#[test]
fn content_that_providers_would_refuse_later_is_refused_at_once() {
    let template = Template::read();
    let pattern = |name: &str| template.parameter(name)["AllowedPattern"].as_str().unwrap().to_owned();
    assert!(pattern("Stage").contains("(?!.*(aws|amazon|cognito))"), "Cognito's reserved words");
    assert!(pattern("CleanupTimezone").contains("Europe"), "the scheduler's time zones");
    let issuer = pattern("JwtIssuer");
    assert!(issuer.contains("^https://") && !issuer.contains("https?"), "API Gateway takes https alone: {issuer}");
}

#[test]
fn queues_take_encrypted_connections_alone() {
    let template = Template::read();
    let policy = template.properties("QueuesPolicy");
    let covered: BTreeSet<_> = if_parts(&policy["Queues"]).into_iter().map(str::to_owned).collect();
    assert_eq!(covered, of_type(&template, "AWS::SQS::Queue").into_iter().collect());
    let statement = &policy["PolicyDocument"]["Statement"][0];
    assert_eq!(statement["Effect"].as_str(), Some("Deny"));
    assert_eq!(statement["Condition"]["Bool"]["aws:SecureTransport"].as_str(), Some("false"));
}

/// A query for a field that the log does not have would return nothing, which is found out only during an incident.
#[test]
fn the_runbook_asks_the_access_log_for_fields_that_it_has() {
    let template = Template::read();
    let format = template.properties("HttpApi")["AccessLogSettings"]["Format"].as_str().unwrap();
    let logged = format.split('"').collect::<BTreeSet<_>>();
    let (_, query) = RUNBOOKS.split_once("API Gateway's access log: `").unwrap();
    let (query, _) = query.split_once('`').unwrap();
    let words = query.split(|letter: char| !(letter.is_alphanumeric() || "@_".contains(letter)));
    let syntax = ["fields", "filter", "stats", "count", "by", "@timestamp", "500"];
    let asked: Vec<_> = words.filter(|word| !word.is_empty() && !syntax.contains(word)).collect();
    assert!(asked.len() > 3, "{query}");
    assert!(asked.iter().all(|field| logged.contains(field)), "{asked:?} of {format}");
}

/// The start bench and other tools read their environment from here, whatever the template adds.
#[test]
fn every_variable_of_every_function_has_a_value() {
    let template = Template::read();
    for function in FUNCTIONS {
        let environment = template.environment(function);
        let written = &template.properties(&logical(function, "Function"))["Environment"]["Variables"];
        assert_eq!(environment.len(), pairs(written).count());
        assert!(environment.contains(&("STAGE".to_owned(), "local".to_owned())), "{function}: {environment:?}");
        assert!(environment.iter().all(|(_, value)| !value.contains("${")), "{function}: {environment:?}");
    }
    let rollup = template.environment("rollup");
    let topic = rollup.iter().find(|(name, _)| name == "ALERTS_TOPIC_ARN").unwrap();
    assert_eq!(topic.1, "arn:aws:sns:eu-south-1:123456789012:AlertsTopic");
}

/// Variables that a deployment may leave empty.
const OPTIONAL: [&str; 4] = ["EXTRA_PUSH_HOSTS", "EXTRA_PUSH_ORIGINS", "SENDER_NAME", "SMS_SENDER_ID"];
/// Variables that Lambda itself sets.
const BY_LAMBDA: [&str; 4] = ["AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
/// Variables of the local stack and of OpenSSL, which no deployment sets.
const BY_HAND: [&str; 3] = ["AWS_ENDPOINT_URL", "SSL_CERT_DIR", "SSL_CERT_FILE"];

/// Reads the configuration as the function's `main` does.
fn configured(function: &str, environment: &Environment) -> Result<(), EnvironmentError> {
    match function {
        "send" => send::config::SendConfig::read(environment).map(drop),
        "cascade" => cascade::config::CascadeConfig::read(environment).map(drop),
        "rollup" => rollup::config::RollupConfig::read(environment).map(drop),
        "cleanup" => cleanup::config::CleanupConfig::read(environment).map(drop),
        "recipients" => recipients::config::RecipientsConfig::read(environment).map(drop),
        "track" => track::config::TrackConfig::read(environment).map(drop),
        "console" => console::config::ConsoleConfig::read(environment)
            .and_then(|_| console::site::SiteConfig::read(environment))
            .map(drop),
        "catalog" => catalog::config::CatalogConfig::read(environment).map(drop),
        "campaigns" => campaigns::config::CampaignsConfig::read(environment).map(drop),
        "fanout" => fanout::config::FanoutConfig::read(environment).map(drop),
        other => panic!("{other} has no configuration here"),
    }
}

#[test]
fn each_function_gets_exactly_the_variables_that_it_reads() {
    let template = Template::read();
    for function in FUNCTIONS {
        let of_template: BTreeMap<_, _> = template.environment(function).into_iter().collect();
        let lambda = BY_LAMBDA.map(|name| (name.to_owned(), "x1".to_owned()));
        let value = |name: &str, value: String| match name {
            "SENDER_ADDRESS" => "service@example.com".to_owned(),
            "VAPID_SUBJECT" => "mailto:ops@example.com".to_owned(),
            "EXTRA_PUSH_HOSTS" => "push.example.org".to_owned(),
            _ => value,
        };
        let all = || of_template.clone().into_iter().chain(lambda.clone()).map(|(name, it)| (value(&name, it), name));
        let without = |missing: &str| {
            let missing = missing.to_owned();
            Environment::given(all().filter(move |(_, name)| *name != missing).map(|(value, name)| (name, value)))
        };
        let environment = without("");
        assert_eq!(configured(function, &environment), Ok(()), "{function}");
        let by_others = |name: &&str| BY_LAMBDA.contains(name) || BY_HAND.contains(name);
        let read: BTreeSet<_> = environment.names_read().into_iter().filter(|name| !by_others(name)).collect();
        assert_eq!(of_template.keys().map(String::as_str).collect::<BTreeSet<_>>(), read, "{function}");
        for missing in read {
            let expected =
                if OPTIONAL.contains(&missing) { Ok(()) } else { Err(EnvironmentError::MissingVariable(missing)) };
            assert_eq!(configured(function, &without(missing)), expected, "{function} without {missing}");
        }
    }
}

#[test]
fn a_variable_of_a_kind_never_seen_has_a_value_too() {
    let template = Template::parse(
        "Parameters:\n  Size: {Type: Number, Default: 5}\n  Free: {Type: String}\n  Kind: {AllowedValues: [a, b]}\n\
         Resources:\n  Queue: {Type: 'AWS::SQS::Queue'}\n  Bucket: {Type: 'AWS::S3::Bucket'}\n  SendFunction:\n    \
         Type: AWS::Serverless::Function\n    Properties:\n      Environment:\n        Variables:\n          A: !Ref Size\n          \
         B: !Ref Free\n          C: !Ref Kind\n          D: !Ref Queue\n          E: !GetAtt Bucket.Arn\n          \
         F: !If [IsOn, x, !Ref AWS::NoValue]\n          G: 7\n          H: !Sub '${AWS::Region}-${Nobody}/${Free}'\n          \
         I: true\n          J: literal\n          K: {Fn::ImportValue: other}\n",
    );
    let values: Vec<_> = template.environment("send").into_iter().map(|(_, value)| value).collect();
    let (queue, bucket) =
        ("https://sqs.eu-south-1.amazonaws.com/123456789012/Queue", "arn:aws:s3:eu-south-1:123456789012:Bucket");
    assert_eq!(values, ["5", "x1", "a", queue, bucket, "", "7", "eu-south-1-x1/x1", "true", "literal", "x1"]);
}

/// Prices of eu-west-1 in USD a month, free tiers not counted; only the proportions matter.
mod price {
    pub const ALARM: f64 = 0.10;
    pub const METRIC: f64 = 0.30;
    pub const DASHBOARD: f64 = 3.00;
    /// A function's run in an idle minute: the call, a quarter of a second of 256 MB, three log lines, a few reads.
    pub const RUN: f64 = 0.43 / 96_400.0;
    /// KMS calls for a table with the key aws/dynamodb.
    pub const TABLE_KEY: f64 = 0.05;
    /// Lambda's looks into a queue: 5 pollers, each every 20 s.
    pub const POLLED_QUEUE: f64 = 5.0 * 3.0 * 30.4 * 24.0 * 60.0 * 0.40 / 1e6;
    /// A trace of X-Ray.
    pub const TRACE: f64 = 5.0 / 1e6;
    /// Metrics that API Gateway writes for each route in use.
    pub const ROUTE_METRICS: f64 = 6.0 * METRIC;
}

#[test]
fn an_idle_stage_costs_less_than_10_usd_a_month() {
    let template = Template::read();
    let alarms = YamlLoader::load_from_str(include_str!("../../infra/alarms.yaml")).unwrap().remove(0);
    let of_alarms = |wanted: &str| {
        let resources = pairs(&alarms["Resources"]);
        resources.filter(|(_, resource)| resource["Type"].as_str() == Some(wanted)).count() as f64
    };
    let metrics = platform::emf::Metric::ALL.len() as f64 + 1.0; // and the alarm lines
    let runs_a_month: f64 = FUNCTIONS.iter().flat_map(|function| template.events(function)).map(runs_a_month).sum();
    let events = FUNCTIONS.iter().flat_map(|function| template.events(function));
    let queues = events.filter(|event| event["Type"].as_str() == Some("SQS")).count();
    let api = template.properties("HttpApi");
    let detailed = pairs(&api["RouteSettings"])
        .map(|(_, settings)| settings)
        .chain([&api["DefaultRouteSettings"]])
        .filter(|settings| settings["DetailedMetricsEnabled"].as_bool() == Some(true))
        .count() as f64;
    let is_traced = include_str!("../../template.yaml").contains("Tracing: Active");
    let data = Template::read_data();
    let tables = of_type(&data, "AWS::DynamoDB::Table");
    let encrypted = tables.iter().filter(|table| !data.properties(table)["SSESpecification"].is_badvalue());
    let dashboards =
        of_type(&template, "AWS::CloudFormation::Stack").iter().filter(|name| *name == "Dashboard").count();
    let bill = [
        ("alarms", of_alarms("AWS::CloudWatch::Alarm") * price::ALARM),
        ("metrics", metrics * price::METRIC),
        ("dashboards", dashboards as f64 * price::DASHBOARD),
        ("runs", runs_a_month * price::RUN),
        ("queues", queues as f64 * price::POLLED_QUEUE),
        ("traces", if is_traced { runs_a_month * price::TRACE } else { 0.0 }),
        ("keys of tables", encrypted.count() as f64 * price::TABLE_KEY),
        ("route metrics", detailed * price::ROUTE_METRICS),
    ];
    let sum: f64 = bill.iter().map(|(_, usd)| usd).sum();
    assert!(runs_a_month > 90_000.0 && sum > 5.0, "some cost is not counted: {bill:?}");
    assert!(sum < 10.0, "{sum:.2} USD: {bill:?}");
}

fn runs_a_month(event: &Yaml) -> f64 {
    let Some(rate) = event["Properties"]["ScheduleExpression"].as_str() else { return 0.0 };
    match rate.strip_prefix("rate(").and_then(|rest| rest.split_once(' ')) {
        Some((every, unit)) if unit.starts_with("minute") => 30.4 * 24.0 * 60.0 / every.parse::<f64>().unwrap(),
        None => 30.4, // cron: daily
        other => panic!("{other:?}: how often is that?"),
    }
}
