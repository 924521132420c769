"""Lists the stream's failure queue, and counts its records again while they are in the stream (24 h).

    make redrive STAGE=staging                           lists the messages; changes nothing
    make redrive STAGE=staging REDRIVE=yes               passes the records to rollup; deletes a message after they are counted
    make redrive STAGE=staging REDRIVE=yes FORGET=yes    also deletes messages whose records are no longer in the stream

Rollup counts each record once, even if it arrives repeatedly. So a redrive may be repeated, and may contain records that
are counted already. Cascade needs no redrive: its work is in the index `due`. Records contain personal data. This tool
passes them on, and neither prints nor stores them.
"""

import datetime
import json
import time

from notifications_ops.stage import open_stage

SUMMARY = "list the stream's failure queue, and count its records again"
STREAM_RETENTION = datetime.timedelta(hours=24)
# Visibility timeout of a message: longer than reading and counting all records that it names.
HIDDEN_SECONDS = 900
# Pause between two pages of the stream.
PAGE_PAUSE_SECONDS = 0.25
# Limits of one invocation. Its payload may have up to 6 MB.
CHUNK_RECORDS, CHUNK_BYTES = 500, 4_000_000
# Maximum number of pages of a shard, of at most 1 MB each.
MAX_PAGES = 20_000


class RecordsExpired(Exception):
    """The records are no longer in the stream."""


class FailureMessage:
    """Message of the queue: a batch of a shard that a function failed to process, the function and the reason."""

    def __init__(self, message):
        self.receipt = message["ReceiptHandle"]
        body = json.loads(message["Body"])
        batch, context = body["DDBStreamBatchInfo"], body["requestContext"]
        # arn:aws:lambda:<region>:<account>:function:<name>, optionally followed by a version
        self.function = context["functionArn"].split(":")[6]
        self.reason, self.invoked = context["condition"], context["approximateInvokeCount"]
        self.stream, self.shard = batch["streamArn"], batch["shardId"]
        self.first, self.last = int(batch["startSequenceNumber"]), int(batch["endSequenceNumber"])
        self.first_text = batch["startSequenceNumber"]
        self.records = batch["batchSize"]
        self.arrived = datetime.datetime.fromisoformat(batch["approximateArrivalOfFirstRecord"].replace("Z", "+00:00"))

    def __str__(self):
        age = datetime.datetime.now(datetime.timezone.utc) - self.arrived
        left = f"{hours(STREAM_RETENTION - age)} left" if age < STREAM_RETENTION else "no longer in the stream"
        return (f"{self.function}: {self.records} records of {self.shard}, {self.first} to {self.last}, "
                f"{hours(age)} old, {left}; {self.reason} after {self.invoked} invocations")


def hours(time):
    return f"{time / datetime.timedelta(hours=1):.1f} h"


class FailureQueue:
    """Failure queue of one stage's stream."""

    def __init__(self, stage):
        self.sqs, self.streams, self.lambdas = (stage.client(name) for name in ("sqs", "dynamodbstreams", "lambda"))
        self.url, self.rollup = stage.outputs["StreamFailureQueueUrl"], stage.outputs["RollupFunctionName"]
        # On AWS, every event of rollup names its shard. On the local AWS none does, and rollup counts into a single one.
        self.names_shards = not stage.is_local

    def messages(self):
        """Yields every message, hidden from other readers for HIDDEN_SECONDS. Skips messages that Lambda did not write."""
        empty = 0
        while empty < 2:
            response = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1,
                                              VisibilityTimeout=HIDDEN_SECONDS)
            messages = response.get("Messages", [])
            empty = 0 if messages else empty + 1
            for message in messages:
                try:
                    yield FailureMessage(message)
                except (KeyError, IndexError, TypeError, ValueError):
                    print(f"skipped: {message['MessageId']} does not name a batch of a stream")

    def make_visible(self, message):
        self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=message.receipt, VisibilityTimeout=0)

    def delete(self, message):
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message.receipt)

    def redrive(self, message):
        """Passes the records to rollup. Returns the number of records it could not count. Raises RecordsExpired."""
        return sum(self._count(message.shard, chunk) for chunk in chunks(self._read(message)))

    def _read(self, message):
        gone = self.streams.exceptions.TrimmedDataAccessException, self.streams.exceptions.ResourceNotFoundException
        try:
            iterator = self.streams.get_shard_iterator(
                StreamArn=message.stream, ShardId=message.shard, ShardIteratorType="AT_SEQUENCE_NUMBER",
                SequenceNumber=message.first_text)["ShardIterator"]
            for number in range(MAX_PAGES):
                # Cascade and rollup read the shard as well, and a shard supports two readers.
                time.sleep(PAGE_PAUSE_SECONDS if number else 0)
                page = self.streams.get_records(ShardIterator=iterator, Limit=1_000)
                for record in page["Records"]:
                    if int(record["dynamodb"]["SequenceNumber"]) <= message.last:
                        yield record
                    if int(record["dynamodb"]["SequenceNumber"]) >= message.last:
                        return
                iterator = page.get("NextShardIterator")
                if iterator is None:
                    return
        except gone as error:
            raise RecordsExpired from error
        raise RuntimeError(f"record {message.last} was not found")

    def _count(self, shard, records):
        event = {"Records": records, "state": {}, "isFinalInvokeForWindow": False, "isWindowTerminatedEarly": False}
        if self.names_shards:
            event["shardId"] = shard
        response = self.lambdas.invoke(FunctionName=self.rollup, Payload=json.dumps(event, default=seconds).encode())
        if "FunctionError" in response:
            raise RuntimeError("rollup failed; see its log")
        return len(json.load(response["Payload"])["batchItemFailures"])


def seconds(time):
    """Time of a record in the form of Lambda's events."""
    return time.timestamp()


def chunks(records):
    """Splits the records, in order, into parts that fit into an invocation."""
    chunk, size = [], 0
    for record in records:
        length = len(json.dumps(record, default=seconds))
        if chunk and (len(chunk) == CHUNK_RECORDS or size + length > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(record)
        size += length
    if chunk:
        yield chunk


def process(queue, message, forget):
    """Processes one message. Returns the outcome as text, and true if the message may be deleted."""
    if message.function != queue.rollup:
        return "deleted: nothing to do, the work is in the index `due`", True
    try:
        uncounted = queue.redrive(message)
    except RecordsExpired:
        return ("deleted: gone from the stream, missing in the metrics", True) if forget else \
            ("kept: gone from the stream, missing in the metrics (FORGET=yes deletes it)", False)
    except Exception as error:  # a failed message does not stop the others
        return f"kept: failed with {type(error).__name__}: {error}", False
    if uncounted:
        return "kept: cannot be counted; find alarm lines `poison_record`, deploy a correction, redrive", False
    return "deleted: counted", True


def process_all(queue, apply, forget):
    """Lists or processes the messages. Returns the number of messages that remain in the queue."""
    messages = list(queue.messages())
    done = 0
    for message in messages:
        print(message, flush=True)
        if apply:
            outcome, is_done = process(queue, message, forget)
            print(f"  {outcome}", flush=True)
            done += is_done
            if is_done:
                queue.delete(message)
                continue
        queue.make_visible(message)
    print(f"{done} of {len(messages)} messages done with" if apply else f"{len(messages)} messages")
    return len(messages) - done


def add_arguments(parser):
    parser.add_argument("--apply", action="store_true", help="count the records again (make: REDRIVE=yes); without it, list")
    parser.add_argument("--forget", action="store_true",
                        help="with --apply, delete also messages whose records are lost (make: FORGET=yes)")


def run(arguments):
    remaining = process_all(FailureQueue(open_stage(arguments.stage)), arguments.apply, arguments.forget)
    return 1 if remaining and arguments.apply else 0
