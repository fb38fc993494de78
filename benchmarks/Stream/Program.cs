using System.Globalization;
using StreamMLOps.Benchmarks;

// The whole stream, file to file: dotnet run -c Release --project benchmarks/Stream -- --data rows.svm [--rounds 5] [--work DIR] [--limit PROGRAM]
// From Kafka to Kafka, beside a raw loop:  ... -- kafka HOST:PORT --data rows.svm [--rows 200000] [--rounds 3] [--rate 20000] [--seconds 20] [KEY=VALUE ...]
// What 1, 2, 4 and 8 members of a group cost:                    ... -- consumers HOST:PORT --data rows.svm [--rows 400000] [--rounds 3] [KEY=VALUE ...]
// What drift detectors cost, by turns:                         ... -- drift --data rows.svm [--rounds 5] [--work DIR]
// What the label join and dead letters cost, by turns:        ... -- labels --data rows.svm [--rows 200000] [--rounds 7] [--warm-up 2] [--only JSON] [--work DIR]
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["kafka", ..]) return await KafkaComparison.Run(args[1..]);
if (args is ["consumers", ..]) return await ConsumerScaling.Run(args[1..]);
if (args is ["labels", ..]) return await LabelCost.Run(args[1..]);
if (args is ["drift", ..]) return await DriftCost.Run(args[1..]);
var options = args.Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
if (!options.TryGetValue("--data", out var data) || !File.Exists(data))
{
    Console.Error.WriteLine("usage: --data FILE.svm [--rounds 5] [--work DIR] [--limit PROGRAM]: a file of svmlight rows, e.g. 500,000 rows of 115 non-zeros");
    return 2;
}
var rounds = int.Parse(options.GetValueOrDefault("--rounds", "5"), CultureInfo.InvariantCulture);
var work = options.GetValueOrDefault("--work") ?? Directory.CreateTempSubdirectory("streammlops-bench-").FullName;

var results = new List<StreamRound>();
for (var round = 0; round <= rounds; round++)
{
    if (options.TryGetValue("--limit", out var limit)) Console.WriteLine(Limit.Run(limit, data));
    var folder = Path.Combine(work, $"round-{round}");
    var result = await StreamRound.Run($"source.path = \"{Path.GetFullPath(data)}\"", folder, details: round == rounds);
    Console.WriteLine($"round {round}{(round == 0 ? " (warm-up)" : "")}: {result}");
    if (round > 0) results.Add(result);
    Directory.Delete(folder, recursive: true);
}
Console.WriteLine($"median: {Median(results, r => r.RowsPerSecond):N0} rows/s, {Median(results, r => r.CpuMicroseconds):F1} us of CPU a row, {Median(results, r => r.AllocatedPerRow):F0} bytes allocated a row; audit of 100 {Median(results, r => r.AuditSeconds):F2} s; recovery {Median(results, r => r.RecoverySeconds):F2} s");
return 0;

static double Median(List<StreamRound> rounds, Func<StreamRound, double> of)
{
    var sorted = rounds.Select(of).Order().ToArray();
    return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
}
