/* SPDX-License-Identifier: MIT */
/* CloudTrail events from a table of calls.  Names of services, calls and members are facts of the
 * format; all values are made up.
 *
 * In the tables a '%' and a letter stand for a value: see put_value().  "%(...)" stands for one to
 * five copies of what is between the brackets, with commas. */
#include "cloudtrail.h"

#include <stdlib.h>
#include <time.h>

struct call {
    unsigned weight;
    const char *source;
    const char *name;
    bool read_only;
    const char *request; /* JSON, "null" when there is none */
    const char *response;
    const char *extra;    /* additionalEventData, NULL when there is none */
    const char *resource; /* the resource's type when the event names one, else NULL */
};

static const struct call calls[] = {
    {14, "kms", "Decrypt", true,
     "{\"encryptionContext\":{\"aws:s3:arn\":\"arn:aws:s3:::%b/%k\"},"
     "\"encryptionAlgorithm\":\"SYMMETRIC_DEFAULT\"}",
     "null", NULL, "AWS::KMS::Key"},
    {7, "kms", "GenerateDataKey", true,
     "{\"keySpec\":\"AES_256\",\"encryptionContext\":{\"aws:lambda:FunctionArn\":"
     "\"arn:aws:lambda:%r:%a:function:%w-%w\"},\"keyId\":\"arn:aws:kms:%r:%a:key/%u\"}",
     "null", NULL, "AWS::KMS::Key"},
    {16, "sts", "AssumeRole", true,
     "{\"roleArn\":\"arn:aws:iam::%a:role/%w-%w-role\",\"roleSessionName\":\"%w-%h\","
     "\"durationSeconds\":3600}",
     "{\"credentials\":{\"accessKeyId\":\"ASIA%A\",\"sessionToken\":\"%T\",\"expiration\":"
     "\"Mar %d, 2024, %d:%d:%d PM\"},\"assumedRoleUser\":{\"assumedRoleId\":\"AROA%A:%w-%h\","
     "\"arn\":\"arn:aws:sts::%a:assumed-role/%w-%w-role/%w\"}}",
     NULL, "AWS::IAM::Role"},
    {5, "sts", "GetCallerIdentity", true, "null", "null", NULL, NULL},
    {12, "s3", "GetBucketAcl", true,
     "{\"bucketName\":\"%b\",\"Host\":\"%b.s3.%r.amazonaws.com\",\"acl\":\"\"}", "null",
     "{\"SignatureVersion\":\"SigV4\",\"CipherSuite\":\"ECDHE-RSA-AES128-GCM-SHA256\","
     "\"bytesTransferredIn\":0,\"AuthenticationMethod\":\"AuthHeader\",\"x-amz-id-2\":\"%H\","
     "\"bytesTransferredOut\":%n}",
     "AWS::S3::Bucket"},
    {6, "s3", "PutObject", false,
     "{\"bucketName\":\"%b\",\"Host\":\"%b.s3.%r.amazonaws.com\",\"key\":\"%k\","
     "\"x-amz-server-side-encryption\":\"aws:kms\"}",
     "{\"x-amz-server-side-encryption\":\"aws:kms\",\"x-amz-version-id\":\"%H\"}",
     "{\"SignatureVersion\":\"SigV4\",\"CipherSuite\":\"TLS_AES_128_GCM_SHA256\","
     "\"bytesTransferredIn\":%N,\"SSEApplied\":\"SSE_KMS\",\"AuthenticationMethod\":"
     "\"AuthHeader\",\"x-amz-id-2\":\"%H\",\"bytesTransferredOut\":0}",
     "AWS::S3::Object"},
    {16, "ec2", "DescribeInstances", true,
     "{\"instancesSet\":{\"items\":[%({\"instanceId\":\"i-0%i\"})]},\"filterSet\":{\"items\":[{"
     "\"name\":\"tag:%w\",\"valueSet\":{\"items\":[%({\"value\":\"%w-%w\"})]}}]}}",
     "null", NULL, NULL},
    {9, "ec2", "DescribeSecurityGroups", true,
     "{\"securityGroupSet\":{\"items\":[%({\"groupId\":\"sg-0%i\"})]},\"filterSet\":{}}", "null",
     NULL, NULL},
    {6, "ec2", "DescribeNetworkInterfaces", true,
     "{\"maxResults\":1000,\"networkInterfaceIdSet\":{},\"filterSet\":{\"items\":[{\"name\":"
     "\"addresses.private-ip-address\",\"valueSet\":{\"items\":[%({\"value\":\"%p\"})]}}]}}",
     "null", NULL, NULL},
    {2, "ec2", "RunInstances", false,
     "{\"instancesSet\":{\"items\":[{\"imageId\":\"ami-0%i\",\"minCount\":1,\"maxCount\":%n}]},"
     "\"userData\":\"<sensitiveDataRemoved>\",\"instanceType\":\"m6i.xlarge\",\"blockDeviceMapping"
     "\":{},\"monitoring\":{\"enabled\":false},\"disableApiTermination\":false,"
     "\"ebsOptimized\":true}",
     "{\"requestId\":\"%u\",\"reservationId\":\"r-0%i\",\"ownerId\":\"%a\",\"groupSet\":{},"
     "\"instancesSet\":{\"items\":[%({\"instanceId\":\"i-0%i\",\"imageId\":\"ami-0%i\","
     "\"instanceState\":{\"code\":0,\"name\":\"pending\"},\"privateDnsName\":"
     "\"ip-10-%d-%d-%d.%r.compute.internal\",\"instanceType\":\"m6i.xlarge\",\"launchTime\":%N000,"
     "\"placement\":{\"availabilityZone\":\"%ra\",\"tenancy\":\"default\"},\"subnetId\":"
     "\"subnet-0%i\",\"vpcId\":\"vpc-0%i\",\"privateIpAddress\":\"%p\",\"ebsOptimized\":true})]}}",
     NULL, NULL},
    {6, "ssm", "GetParameter", true, "{\"name\":\"/%w/%w/%w\",\"withDecryption\":true}", "null",
     NULL, "AWS::SSM::Parameter"},
    {8, "ssm", "UpdateInstanceInformation", false,
     "{\"instanceId\":\"i-0%i\",\"agentVersion\":\"3.2.%n.0\",\"agentStatus\":\"Active\","
     "\"platformType\":\"Linux\",\"platformName\":\"Debian GNU\\/Linux\",\"platformVersion\":"
     "\"12\",\"iPAddress\":\"%p\",\"computerName\":\"ip-10-%d-%d-%d.%r.compute.internal\","
     "\"agentName\":\"amazon-ssm-agent\",\"availabilityZone\":\"%ra\"}",
     "null", NULL, NULL},
    {5, "secretsmanager", "GetSecretValue", true,
     "{\"secretId\":\"arn:aws:secretsmanager:%r:%a:secret:%w/%w-%h\"}", "null", NULL, NULL},
    {5, "iam", "GetRole", true, "{\"roleName\":\"%w-%w-role\"}", "null", NULL, NULL},
    {3, "iam", "CreatePolicyVersion", false,
     "{\"policyArn\":\"arn:aws:iam::%a:policy/%w-%w\",\"policyDocument\":\"{\\n  \\\"Version\\\": "
     "\\\"2012-10-17\\\",\\n  \\\"Statement\\\": [{\\\"Effect\\\": \\\"Allow\\\", \\\"Action\\\": "
     "[\\\"s3:GetObject\\\"], \\\"Resource\\\": \\\"arn:aws:s3:::%b/*\\\"}]\\n}\","
     "\"setAsDefault\":true}",
     "{\"policyVersion\":{\"createDate\":\"Mar %d, 2024, %d:%d:%d AM\",\"versionId\":\"v%d\","
     "\"isDefaultVersion\":true}}",
     NULL, NULL},
    {8, "logs", "CreateLogStream", false,
     "{\"logGroupName\":\"/aws/lambda/%w-%w\",\"logStreamName\":\"2024/03/%d/[$LATEST]%h%h\"}",
     "null", NULL, NULL},
    {6, "dynamodb", "DescribeTable", true, "{\"tableName\":\"%w-%w\"}", "null", NULL,
     "AWS::DynamoDB::Table"},
    {6, "lambda", "Invoke", false,
     "{\"functionName\":\"arn:aws:lambda:%r:%a:function:%w-%w\",\"invocationType\":"
     "\"RequestResponse\",\"sourceArn\":\"arn:aws:events:%r:%a:rule\\/%w\"}",
     "null", "{\"functionVersion\":\"arn:aws:lambda:%r:%a:function:%w:$LATEST\"}",
     "AWS::Lambda::Function"},
    {5, "ecr", "BatchGetImage", true,
     "{\"repositoryName\":\"%w/%w\",\"registryId\":\"%a\",\"imageIds\":[%({\"imageTag\":"
     "\"%h\"})],\"acceptedMediaTypes\":[\"application\\/json\",\"application/vnd.oci.image."
     "manifest.v1+json\"]}",
     "null", NULL, "AWS::ECR::Repository"},
    {4, "ecs", "RegisterTaskDefinition", false,
     "{\"family\":\"%w-%w\",\"cpu\":\"1024\",\"memory\":\"2048\",\"networkMode\":\"awsvpc\","
     "\"containerDefinitions\":[%({\"name\":\"%w\",\"image\":\"%a.dkr.ecr.%r.amazonaws.com/%w:%h\","
     "\"essential\":true,\"environment\":[%e],\"logConfiguration\":{\"logDriver\":\"awslogs\","
     "\"options\":{\"awslogs-group\":\"/ecs/%w\",\"awslogs-region\":\"%r\"}}})]}",
     "{\"taskDefinition\":{\"taskDefinitionArn\":\"arn:aws:ecs:%r:%a:task-definition/%w:%n\","
     "\"revision\":%n,\"status\":\"ACTIVE\",\"volumes\":[],\"compatibilities\":[\"EC2\","
     "\"FARGATE\"],\"registeredAt\":\"Mar %d, 2024, %d:%d:%d AM\"}}",
     NULL, NULL},
    {3, "rds", "DescribeDBInstances", true,
     "{\"dBInstanceIdentifier\":\"%w-%w\",\"maxRecords\":100}", "null", NULL, NULL},
    {2, "signin", "ConsoleLogin", false, "null", "{\"ConsoleLogin\":\"Success\"}",
     "{\"LoginTo\":\"https://console.aws.amazon.com/console/home?region=%r\\u0026state=%h\","
     "\"MobileVersion\":\"No\",\"MFAUsed\":\"Yes\"}",
     NULL},
};

static const char *const regions[CLOUDTRAIL_REGIONS] = {
    "us-east-1",  "us-west-2",      "eu-central-1", "eu-west-1",
    "ap-south-1", "ap-southeast-2", "ca-central-1", "sa-east-1",
};

static const char *const words[64] = {
    "orders",    "billing",   "ingest",    "render",  "mailer",       "search",      "catalog",
    "payments",  "identity",  "telemetry", "archive", "report",       "session",     "gateway",
    "scheduler", "inventory", "alpha",     "beta",    "staging",      "prod",        "dev",
    "shared",    "core",      "edge",      "worker",  "batch",        "stream",      "export",
    "import",    "cleanup",   "backup",    "sync",    "metrics",      "alerts",      "users",
    "events",    "images",    "video",     "pricing", "checkout",     "shipping",    "returns",
    "audit",     "ledger",    "quota",     "limits",  "feature",      "config",      "deploy",
    "build",     "release",   "canary",    "probe",   "health",       "lookup",      "resolver",
    "portal",    "partner",   "vendor",    "invoice", "m\\u00fcller", "caf\xc3\xa9", "loader",
    "index",
};

static const char *const agents[] = {
    "aws-sdk-go-v2/1.24.0 os/linux lang/go#1.21.6 md/GOOS#linux md/GOARCH#amd64 api/sts#1.26.7",
    "Boto3/1.34.51 md/Botocore#1.34.51 ua/2.0 os/linux#5.10.209 md/arch#x86_64 lang/python#3.11.8 "
    "md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.34.51",
    "aws-cli/2.15.24 Python/3.11.8 Linux/6.1.0 exe/x86_64.debian.12 prompt/off "
    "command/ec2.describe",
    "APN/1.0 HashiCorp/1.0 Terraform/1.7.4 (+https://www.terraform.io) "
    "terraform-provider-aws/5.39.0 aws-sdk-go-v2/1.25.2 os/linux lang/go#1.21.6",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 "
    "Safari/537.36",
    "aws-internal/3 aws-sdk-java/1.12.658 Linux/5.10.209 OpenJDK_64-Bit_Server_VM/25.402-b08 "
    "java/1.8.0_402 vendor/Oracle_Corporation cfg/retry-mode/standard",
    "[S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.658 \\\"console\\\"]",
};

static const char *const denials[] = {
    "AccessDenied\",\"errorMessage\":\"User: arn:aws:sts::%a:assumed-role/%w-%w-role/%w is not "
    "authorized to perform this action because no identity-based policy allows it",
    "ThrottlingException\",\"errorMessage\":\"Rate exceeded",
    "ResourceNotFoundException\",\"errorMessage\":\"No resource with the name \\\"%w-%w\\\" exists "
    "in %r",
    "Client.UnauthorizedOperation\",\"errorMessage\":\"Not allowed. Encoded message: %T",
};

static const char hex[] = "0123456789abcdef";
static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void cloudtrail_put_account(struct text *out, uint64_t account)
{
    struct chance chance = chance_of(0x5EED, account);
    text_put_number(out, 100000000000u + chance_next(&chance) % 899999999999u, 12);
}

const char *cloudtrail_region(uint32_t region)
{
    return regions[region];
}

static struct tm broken_down(int64_t time_s)
{
    struct tm tm = {0};
    const time_t t = (time_t)time_s;
    (void)gmtime_r(&t, &tm);
    return tm;
}

void cloudtrail_put_date(struct text *out, int64_t time_s, char separator)
{
    const struct tm tm = broken_down(time_s);
    text_put_number(out, (uint64_t)tm.tm_year + 1900, 4);
    if (separator != '\0')
        text_putc(out, separator);
    text_put_number(out, (uint64_t)tm.tm_mon + 1, 2);
    if (separator != '\0')
        text_putc(out, separator);
    text_put_number(out, (uint64_t)tm.tm_mday, 2);
}

void cloudtrail_put_time(struct text *out, int64_t time_s, bool basic)
{
    const struct tm tm = broken_down(time_s);
    cloudtrail_put_date(out, time_s, basic ? '\0' : '-');
    text_putc(out, 'T');
    text_put_number(out, (uint64_t)tm.tm_hour, 2);
    if (!basic)
        text_putc(out, ':');
    text_put_number(out, (uint64_t)tm.tm_min, 2);
    if (!basic) {
        text_putc(out, ':');
        text_put_number(out, (uint64_t)tm.tm_sec, 2);
    }
    text_putc(out, 'Z');
}

static void put_uuid(struct text *out, struct chance *chance)
{
    static const unsigned parts[] = {8, 4, 4, 4, 12};
    for (size_t i = 0; i < 5; i++) {
        if (i > 0)
            text_putc(out, '-');
        text_put_random(out, chance, hex, 4, parts[i]);
    }
}

static void put_word(struct text *out, struct chance *chance)
{
    /* The smaller of two: some words are frequent, as in real names. */
    const uint32_t a = chance_below(chance, 64), b = chance_below(chance, 64);
    text_puts(out, words[a < b ? a : b]);
}

static void put_ip(struct text *out, struct chance *chance)
{
    text_puts(out, "10.");
    for (int i = 0; i < 3; i++) {
        text_put_number(out, chance_below(chance, i < 2 ? 16 : 256), 1);
        if (i < 2)
            text_putc(out, '.');
    }
}

static void put_environment(struct text *out, struct chance *chance)
{
    for (uint32_t i = 0, n = 1 + chance_below(chance, 8); i < n; i++) {
        text_puts(out, i > 0 ? ",{\"name\":\"" : "{\"name\":\"");
        put_word(out, chance);
        text_puts(out, "_URL\",\"value\":\"https://");
        put_word(out, chance);
        text_puts(out, ".example.internal/\"}");
    }
}

static void put_key(struct text *out, struct chance *chance)
{
    put_word(out, chance);
    text_puts(out, "/2024/03/");
    text_put_number(out, 1 + chance_below(chance, 28), 2);
    text_puts(out, "/part-");
    text_put_random(out, chance, hex, 4, 12);
    text_puts(out, ".parquet");
}

/* Texts of random characters: letter, alphabet, its bits, length. */
static const struct random_text {
    char kind;
    const char *alphabet;
    unsigned bits, n;
} random_texts[] = {
    {'i', hex, 4, 16},    {'h', hex, 4, 8},      {'A', upper, 5, 16},
    {'H', base64, 6, 44}, {'T', base64, 6, 160},
};

static bool put_random(struct text *out, struct chance *chance, char kind)
{
    for (size_t i = 0; i < sizeof random_texts / sizeof random_texts[0]; i++) {
        const struct random_text *form = &random_texts[i];
        if (form->kind == kind) {
            text_put_random(out, chance, form->alphabet, form->bits, form->n);
            return true;
        }
    }
    return false;
}

static void put_value(struct text *out, struct chance *chance, const struct cloudtrail_place *place,
                      char kind)
{
    if (put_random(out, chance, kind))
        return;
    switch (kind) {
    case 'u':
        put_uuid(out, chance);
        break;
    case 'a':
        cloudtrail_put_account(out, place->account);
        break;
    case 'r':
        text_puts(out, regions[place->region]);
        break;
    case 'w':
        put_word(out, chance);
        break;
    case 'p':
        put_ip(out, chance);
        break;
    case 'k':
        put_key(out, chance);
        break;
    case 'e':
        put_environment(out, chance);
        break;
    case 'd': /* a day of the month, an hour, a version */
        text_put_number(out, 1 + chance_below(chance, 28), 1);
        break;
    case 'n':
        text_put_number(out, 1 + chance_below(chance, 999), 1);
        break;
    case 'N': /* a time of March 2024 */
        text_put_number(out, 1709251200 + chance_below(chance, 2592000), 1);
        break;
    case 'b':
        text_puts(out, "example-");
        put_word(out, chance);
        text_putc(out, '-');
        text_puts(out, regions[place->region]);
        break;
    default:
        text_putc(out, '%');
        break;
    }
}

/* Fill in one of the tables' texts. */
static void put_filled(struct text *out, struct chance *chance,
                       const struct cloudtrail_place *place, const char *form)
{
    const char *loop = NULL; /* what is repeated begins here */
    uint32_t left = 0;
    while (*form != '\0') {
        const size_t n = strcspn(form, "%)");
        text_put(out, form, n);
        form += n;
        if (*form == '%' && form[1] == '(') {
            loop = form + 2;
            left = chance_below(chance, 5);
            form += 2;
        } else if (*form == '%') {
            put_value(out, chance, place, form[1]);
            form += 2;
        } else if (*form == ')' && loop != NULL && left > 0) {
            left--;
            text_putc(out, ',');
            form = loop;
        } else if (*form == ')') {
            if (loop == NULL)
                text_putc(out, ')');
            loop = NULL;
            form++;
        }
    }
}

/* The same few people and roles of an account come again and again, with the same ids. */
static void put_identity(struct text *out, struct chance *chance,
                         const struct cloudtrail_place *place)
{
    static const char *const forms[] = {
        "{\"type\":\"IAMUser\",\"principalId\":\"AIDA%A\",\"arn\":\"arn:aws:iam::%a:user/%w.%w\","
        "\"accountId\":\"%a\",\"accessKeyId\":\"AKIA%A\",\"userName\":\"%w.%w\"}",
        "{\"type\":\"AssumedRole\",\"principalId\":\"AROA%A:i-0%i\",\"arn\":\"arn:aws:sts::%a:"
        "assumed-role/%w-%w-role/i-0%i\",\"accountId\":\"%a\",\"accessKeyId\":\"ASIA%A\","
        "\"sessionContext\":{\"sessionIssuer\":{\"type\":\"Role\",\"principalId\":\"AROA%A\","
        "\"arn\":\"arn:aws:iam::%a:role/%w-%w-role\",\"accountId\":\"%a\",\"userName\":"
        "\"%w-%w-role\"},\"webIdFederationData\":{},\"attributes\":{\"creationDate\":"
        "\"2024-03-%d\",\"mfaAuthenticated\":\"false\"},\"ec2RoleDelivery\":\"2.0\"}}",
        "{\"type\":\"AWSService\",\"invokedBy\":\"%w.amazonaws.com\"}",
        "{\"type\":\"Root\",\"principalId\":\"%a\",\"arn\":\"arn:aws:iam::%a:root\",\"accountId\":"
        "\"%a\",\"accessKeyId\":\"\",\"sessionContext\":{\"attributes\":{\"mfaAuthenticated\":"
        "\"true\"}}}",
    };
    const uint32_t dice = chance_below(chance, 100);
    const size_t form = dice < 22 ? 0 : dice < 88 ? 1 : dice < 98 ? 2 : 3;
    struct chance who = chance_of(0xA11CE + form, place->account * 64 + chance_below(chance, 24));
    put_filled(out, &who, place, forms[form]);
}

static const struct call *pick_call(struct chance *chance)
{
    static const size_t n_calls = sizeof calls / sizeof calls[0];
    uint32_t total = 0, dice;
    for (size_t i = 0; i < n_calls; i++)
        total += calls[i].weight;
    dice = chance_below(chance, total);
    for (size_t i = 0;; i++) {
        if (dice < calls[i].weight)
            return &calls[i];
        dice -= calls[i].weight;
    }
}

static void put_who(struct text *out, struct chance *chance, const struct cloudtrail_place *place,
                    const struct call *call, enum cloudtrail_fault fault)
{
    text_puts(out, "{\"eventVersion\":\"1.0");
    text_puts(out, chance_below(chance, 4) == 0 ? "9" : "8");
    text_puts(out, "\",\"userIdentity\":");
    put_identity(out, chance, place);
    text_puts(out, ",\"eventTime\":\"");
    if (fault == FAULT_BAD_TIME)
        text_puts(out, "yesterday");
    else
        cloudtrail_put_time(out, place->time_s, false);
    text_puts(out, "\",\"eventSource\":\"");
    text_puts(out, call->source);
    text_puts(out, ".amazonaws.com\",\"eventName\":\"");
    text_puts(out, call->name);
    text_puts(out, "\",\"awsRegion\":\"");
    text_puts(out, regions[place->region]);
    text_puts(out, "\",\"sourceIPAddress\":\"");
    put_ip(out, chance);
    text_puts(out, "\",\"userAgent\":\"");
    text_puts(out, agents[chance_below(chance, sizeof agents / sizeof agents[0])]);
    text_putc(out, '"');
}

static void put_what(struct text *out, struct chance *chance, const struct cloudtrail_place *place,
                     const struct call *call)
{
    const bool failed = chance_below(chance, 100) < 8;
    if (failed) {
        text_puts(out, ",\"errorCode\":\"");
        put_filled(out, chance, place, denials[chance_below(chance, 4)]);
        text_putc(out, '"');
    }
    text_puts(out, ",\"requestParameters\":");
    put_filled(out, chance, place, call->request);
    text_puts(out, ",\"responseElements\":");
    put_filled(out, chance, place, failed ? "null" : call->response);
    if (call->extra != NULL) {
        text_puts(out, ",\"additionalEventData\":");
        put_filled(out, chance, place, call->extra);
    }
}

static void put_ids(struct text *out, struct chance *chance, const struct cloudtrail_place *place,
                    const struct call *call, enum cloudtrail_fault fault)
{
    put_filled(out, chance, place, ",\"requestID\":\"%u\"");
    if (fault != FAULT_NO_ID)
        put_filled(out, chance, place, ",\"eventID\":\"%u\"");
    text_puts(out, ",\"readOnly\":");
    text_puts(out, fault == FAULT_BAD_BOOL ? "\"perhaps\"" : call->read_only ? "true" : "false");
    if (call->resource != NULL) {
        put_filled(out, chance, place,
                   ",\"resources\":[%({\"accountId\":\"%a\",\"type\":\"AWS::Resource\",\"ARN\":"
                   "\"arn:aws:resource:%r:%a:%w/%u\"}),{\"type\":\"");
        text_puts(out, call->resource);
        text_puts(out, "\"}]");
    }
}

static void put_end(struct text *out, struct chance *chance, const struct cloudtrail_place *place,
                    const struct call *call)
{
    const bool console = strcmp(call->source, "signin") == 0;
    text_puts(out, ",\"eventType\":\"");
    text_puts(out, console ? "AwsConsoleSignIn" : "AwsApiCall");
    put_filled(out, chance, place, "\",\"managementEvent\":true,\"recipientAccountId\":\"%a\"");
    if (chance_below(chance, 10) == 0)
        put_filled(out, chance, place, ",\"sharedEventID\":\"%u\"");
    if (chance_below(chance, 20) == 0)
        put_filled(out, chance, place,
                   ",\"vpcEndpointId\":\"vpce-0%i\",\"vpcEndpointAccountId\":\"%a\"");
    text_puts(out, ",\"eventCategory\":\"Management\"");
    if (chance_below(chance, 10) == 0) {
        text_puts(out, ",\"sessionCredentialFromConsole\":\"true\"}");
        return;
    }
    text_puts(out, ",\"tlsDetails\":{\"tlsVersion\":\"TLSv1.");
    text_puts(out, chance_below(chance, 3) == 0 ? "3\",\"cipherSuite\":\"TLS_AES_128_GCM_SHA256"
                                                : "2\",\"cipherSuite\":\"ECDHE-RSA-AES128-GCM");
    text_puts(out, "\",\"clientProvidedHostHeader\":\"");
    text_puts(out, call->source);
    put_filled(out, chance, place, ".%r.amazonaws.com\"}}");
}

/* The faults of the text, made from an event that begins at 'start'. */
static void break_text(struct text *out, size_t start, enum cloudtrail_fault fault)
{
    static const char agent[] = "\"userAgent\":\"";
    char *at;
    switch (fault) {
    case FAULT_CUT:
        out->n_bytes = start + (out->n_bytes - start) / 2;
        break;
    case FAULT_UTF8:
        at = memmem(out->data + start, out->n_bytes - start, agent, sizeof agent - 1);
        if (at != NULL)
            at[sizeof agent - 1] = '\xff';
        break;
    case FAULT_NOT_AN_OBJECT:
        out->n_bytes = start;
        text_puts(out, "[\"not\", \"an\", \"event\"]");
        break;
    default:
        break;
    }
}

void cloudtrail_put_event(struct text *out, struct chance *chance,
                          const struct cloudtrail_place *place, enum cloudtrail_fault fault)
{
    const struct call *call = pick_call(chance);
    const size_t start = out->n_bytes;
    put_who(out, chance, place, call, fault);
    put_what(out, chance, place, call);
    put_ids(out, chance, place, call, fault);
    put_end(out, chance, place, call);
    break_text(out, start, fault);
}
