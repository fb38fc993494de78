using System.Globalization;

namespace StreamMLOps.Benchmarks;

/// <summary>The command <c>kafka</c>: rates with 1 and 64 rows a message beside a raw loop, in turn; then latency at an offered rate.</summary>
internal static class KafkaComparison
{
    public static async Task<int> Run(string[] args)
    {
        var named = args.Skip(1).Where(a => !a.Contains('=', StringComparison.Ordinal)).Chunk(2).Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1], StringComparer.Ordinal);
        if (args.Length == 0 || !named.TryGetValue("--data", out var data) || !File.Exists(data))
        {
            Console.Error.WriteLine("usage: kafka HOST:PORT --data FILE.svm [--rows 200000] [--rounds 3] [--rate 20000] [--seconds 20] [KEY=VALUE of librdkafka ...]");
            return 2;
        }
        int Option(string key, int otherwise) => named.TryGetValue(key, out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
        var (rows, rounds, rate, seconds) = (Option("--rows", 200_000), Option("--rounds", 3), Option("--rate", 20_000), Option("--seconds", 20));
        var clients = args.Skip(1).Where(a => a.Contains('=', StringComparison.Ordinal)).Select(a => a.Split('=', 2)).ToDictionary(a => a[0], a => a[1], StringComparer.Ordinal);
        var work = Directory.CreateTempSubdirectory("streammlops-bench-").FullName;
        var kafka = new KafkaRound(args[0], clients, work);

        foreach (var rowsPerMessage in rounds > 0 ? new[] { 1, 64 } : [])
        {
            var topic = kafka.NewTopic();
            var messages = kafka.Fill(topic, data, rows, rowsPerMessage);
            var (raw, node) = (new List<double>(), new List<double>());
            for (var round = 0; round <= rounds; round++)
            {
                var r = kafka.Raw(topic, messages);
                var n = await kafka.Node(topic, rows, rowsPerMessage, details: round == rounds);
                Console.WriteLine($"{rowsPerMessage,3} rows a message, round {round}{(round == 0 ? " (warm-up)" : "")}: raw loop {r:N0} messages/s, node {n:N0} rows/s");
                if (round > 0) (raw, node) = ([.. raw, r], [.. node, n]);
            }
            Console.WriteLine($"{rowsPerMessage,3} rows a message, median of {rounds}: raw loop {Median(raw):N0} messages/s, node {Median(node):N0} rows/s, ratio {Median(node) / Median(raw):F2}");
        }
        if (rate > 0)
        {
            Print("raw loop", await kafka.RawLatency(kafka.NewTopic(), data, rate, seconds));
            Print("node", await kafka.Latency(kafka.NewTopic(), data, rate, seconds));

            void Print(string what, double[] latencies) => Console.WriteLine(
                $"{rate:N0} rows/s offered for {seconds} s, {what}: p50 {At(latencies, 0.5):F1} ms, p90 {At(latencies, 0.9):F1} ms, p99 {At(latencies, 0.99):F1} ms, most {latencies[^1]:F1} ms from producer to consumer of what comes out");
        }
        Directory.Delete(work, recursive: true);
        return 0;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static double At(double[] sorted, double quantile) => sorted[(int)(quantile * (sorted.Length - 1))];
}
