using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace StreamMLOps.Learning.Benchmarks;

/// <summary>
/// Our parser and model against a plain C program on the same file, one thread each, alternating in one run, because a shared
/// machine's speed changes from minute to minute: only ratios of neighbours mean something.
/// </summary>
internal static partial class LimitComparison
{
    private const string Usage = "usage: limit --data FILE.svm (--limit PROGRAM | --limit-source FILE.c) [--rounds 5] [--precision single|double] [--models sgd,ftrl,arow]";

    public static int Run(string[] args)
    {
        var options = args.Chunk(2).Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1]);
        if (!options.TryGetValue("--data", out var data)) return Fail(Usage);
        if (!File.Exists(data)) return Fail($"no such file: {data}; ../shared/tools/gen_url.py writes one");
        var limit = options.GetValueOrDefault("--limit");
        if (options.TryGetValue("--limit-source", out var source)) limit = Compile(source);
        var rounds = int.Parse(options.GetValueOrDefault("--rounds", "5"), CultureInfo.InvariantCulture);
        var spec = ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression"), ("precision", options.GetValueOrDefault("--precision", "single"))));

        var others = options.GetValueOrDefault("--models", "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(m => (Name: m, Spec: StageLoop.SpecOf(m), Rates: new List<double>())).ToArray();

        var text = File.ReadAllBytes(data);
        var parsed = Stages.ParseAll(text);
        Console.WriteLine($"{parsed.Sum(b => b.Count):N0} rows, {parsed.Sum(b => (long)b.NonZeros):N0} non-zeros, {text.Length / 1e6:N0} MB; {spec}");
        Stages.Learn(spec, parsed.Take(20));

        var ours = new List<Measurement>();
        var theirs = new List<Measurement>();
        for (var round = 1; round <= rounds; round++)
        {
            if (limit is not null) theirs.Add(RunLimit(limit, data));
            ours.Add(RunOurs(spec, text, parsed));
            if (limit is not null) Console.WriteLine($"round {round}: limit {theirs[^1]}");
            Console.WriteLine($"round {round}: ours  {ours[^1]}");
            foreach (var (_, other, rates) in others) rates.Add(Timed(() => Stages.Learn(other, parsed)).RowsPerSecond);
        }

        Console.WriteLine();
        Console.WriteLine("| median (best) rows/s    | limit.c               | ours                  | ratio       |");
        Console.WriteLine("|-------------------------|-----------------------|-----------------------|-------------|");
        Report("parse", theirs, ours, m => m.Parse);
        Report("score and learn, parsed", theirs, ours, m => m.Learn);
        Report("text to learned", theirs, ours, m => m.Text);
        foreach (var (name, _, rates) in others) Report($"{name}, parsed", theirs.Select(m => m.Learn), rates);
        Console.WriteLine($"progressive error: limit.c {(theirs.Count > 0 ? theirs[0].Error : double.NaN):F4}, ours {ours[0].Error:F4}");
        return 0;
    }

    private static Measurement RunOurs(ModelSpec spec, byte[] text, List<RowBatch> parsed)
    {
        var (parse, _) = Timed(() => Stages.Parse(text));
        var (learn, _) = Timed(() => Stages.Learn(spec, parsed));
        var (both, error) = Timed(() => Stages.TextToLearned(spec, text));
        return new(parse, learn, both, error);
    }

    private static (double RowsPerSecond, double Error) Timed(Func<(long Rows, double Error)> work)
    {
        GC.Collect();
        var start = Stopwatch.GetTimestamp();
        var (rows, error) = work();
        return (rows / Stopwatch.GetElapsedTime(start).TotalSeconds, error);
    }

    private static Measurement RunLimit(string program, string data)
    {
        using var process = Process.Start(new ProcessStartInfo(program, [data]) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        double Rate(string stage) => double.Parse(Regex.Match(output, Regex.Escape(stage) + @"\s+(\d+) rows/s").Groups[1].Value, CultureInfo.InvariantCulture);
        var error = double.Parse(ErrorPattern().Matches(output)[^1].Groups[1].Value, CultureInfo.InvariantCulture);
        return new(Rate("parse"), Rate("learn (parsed)"), Rate("text to learned"), error);
    }

    private static string Compile(string source)
    {
        var program = Path.Combine(Directory.CreateTempSubdirectory("limit").FullName, "limit");
        using var gcc = Process.Start("gcc", ["-O3", "-march=native", "-o", program, source, "-lm"]);
        gcc.WaitForExit();
        return gcc.ExitCode == 0 ? program : throw new InvalidOperationException($"gcc could not compile {source}");
    }

    private static void Report(string stage, List<Measurement> theirs, List<Measurement> ours, Func<Measurement, double> of) => Report(stage, theirs.Select(of), ours.Select(of));

    private static void Report(string stage, IEnumerable<double> theirs, IEnumerable<double> ours)
    {
        var (our, ourBest) = (Median(ours), ours.Max());
        var (their, theirBest) = theirs.Any() ? (Median(theirs), theirs.Max()) : (double.NaN, double.NaN);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {stage,-23} | {their,9:N0} ({theirBest,9:N0}) | {our,9:N0} ({ourBest,9:N0}) | {our / their:F2} ({ourBest / theirBest:F2}) |"));
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static int Fail(string message)
    {
        Console.Error.WriteLine(message);
        return 2;
    }

    [GeneratedRegex(@"error (\d\.\d+)")]
    private static partial Regex ErrorPattern();

    private sealed record Measurement(double Parse, double Learn, double Text, double Error)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture,
            $"parse {Parse,9:N0}  learn {Learn,9:N0}  text to learned {Text,9:N0} rows/s  error {Error:F4}");
    }
}
