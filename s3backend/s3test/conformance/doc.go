// Package conformance holds every s3backend.Bucket to the sentences of its
// contract: the bucket in memory, the client against s3test's server, and the
// client against a real server that others wrote.
//
// [TestBucket] proves what the contract says, [BenchmarkBucket] measures the same
// operations. What a store cannot hold is said in a [Target], so that nothing is
// left out unseen.
package conformance
