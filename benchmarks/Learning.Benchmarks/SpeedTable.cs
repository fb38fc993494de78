using System.Globalization;

namespace StreamMLOps.Learning.Benchmarks;

/// <summary>
/// The speeds that docs/performance.md tells, of all stages and kinds in one run, with a plain C program (<see cref="LimitProgram"/>) beside. Every round measures every line once, because a
/// shared machine's speed changes from minute to minute: ratios of one run mean something, rates by themselves little.
/// </summary>
internal static class SpeedTable
{
    private const string Usage = "usage: table --data FILE.svm [--limit PROGRAM | --limit-source FILE.c] [--rounds 3] [--clock wall|processor] [--only PART,PART] [--tree-rows 100000] [--precision single|double]";
    private const int Patches = 20_000;

    public static int Run(string[] args)
    {
        var options = args.Chunk(2).Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1]);
        if (!options.TryGetValue("--data", out var data)) return Fail(Usage);
        if (!File.Exists(data)) return Fail($"no such file: {data}; ../shared/tools/gen_url.py writes one");
        var clock = options.GetValueOrDefault("--clock", "wall") == "processor" ? WorkClock.Processor : WorkClock.Wall;
        var limit = options.TryGetValue("--limit-source", out var source) ? LimitProgram.Compile(source, clock)
            : options.TryGetValue("--limit", out var program) ? new LimitProgram(program) : null;
        var rounds = int.Parse(options.GetValueOrDefault("--rounds", "3"), CultureInfo.InvariantCulture);
        var only = options.GetValueOrDefault("--only", "").Split(',');

        var text = File.ReadAllBytes(data);
        var parsed = Stages.ParseAll(text);
        var rows = parsed.Sum(b => b.Count);
        Console.WriteLine($"{rows:N0} rows, {parsed.Sum(b => (long)b.NonZeros):N0} non-zeros, {text.Length / 1e6:N0} MB; {clock} time");
        var trees = int.Parse(options.GetValueOrDefault("--tree-rows", "100000"), CultureInfo.InvariantCulture);
        var lines = Lines(text, parsed, trees, options.GetValueOrDefault("--precision", "single")).Where(l => only.Any(l.What.Contains)).ToArray();
        foreach (var line in lines) line.Warm();

        var theirs = new List<LimitFigures>();
        for (var round = 1; round <= rounds; round++)
        {
            if (limit is not null) theirs.Add(limit.Run(data));
            if (limit is not null) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"round {round}: limit.c parse {theirs[^1].Parse:N0}, learn (parsed) {theirs[^1].Learn:N0}, text to learned {theirs[^1].Text:N0} rows/s"));
            foreach (var line in lines) line.Measure(clock);
        }

        Console.WriteLine();
        if (limit is not null)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"limit.c, median: parse {Work.Median(theirs.Select(t => t.Parse)):N0}, learn (parsed) {Work.Median(theirs.Select(t => t.Learn)):N0}, text to learned {Work.Median(theirs.Select(t => t.Text)):N0} rows/s, error {theirs[0].Error:F4}"));
        Console.WriteLine("| what | rows | rows/s, median (worst to best) | asked | times limit.c, by round | managed bytes a row | error |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var line in lines) Console.WriteLine(line.Report(theirs));
        return 0;
    }

    private static IEnumerable<Line> Lines(byte[] text, List<RowBatch> parsed, int trees, string precision)
    {
        Line Text(string what, double asked, Func<LimitFigures, double> limit, Func<ReadOnlyMemory<byte>, (long, double)> work) =>
            new(what, asked, limit, all => work(all ? text : text.AsMemory(0, Math.Min(text.Length, WarmBytes(text)))));
        Line Learn(string what, string model, int most, double asked)
        {
            var spec = StageLoop.SpecOf(model);
            var rows = TakeRows(parsed, most);
            return new(what, asked, t => t.Learn, all => Stages.Learn(spec, all ? rows : rows.Take(WarmBatches)));
        }
        var adagrad = StageLoop.SpecOf($"logistic-regression:precision={precision}");
        yield return Text("parse", 0, t => t.Parse, t => Stages.Parse(t.Span));
        yield return Text("text to learned, AdaGrad logistic", 500e3, t => t.Text, t => Stages.TextToLearned(adagrad, t.Span));
        foreach (var (optimizer, asked) in new[] { ("sgd", 1.5e6), ("adagrad", 1e6), ("ftrl", 0.8e6) })
            yield return Learn($"linear, logistic {optimizer}", $"logistic-regression:optimizer={optimizer}:precision={precision}", int.MaxValue, asked);
        yield return Learn("linear, arow", $"arow:precision={precision}", int.MaxValue, 1e6);
        yield return Learn("linear, soft-confidence-weighted", $"soft-confidence-weighted:precision={precision}", int.MaxValue, 0);
        foreach (var features in new[] { "gaussian", "bernoulli", "multinomial", "complement" })
            yield return Learn($"{features}-naive-bayes", $"{features}-naive-bayes", int.MaxValue, 400e3);
        yield return Learn("hoeffding-tree", "hoeffding-tree", trees, 60e3);
        yield return Learn("hoeffding-adaptive-tree", "hoeffding-adaptive-tree", trees, 60e3);
        yield return Learn("adaptive-random-forest, 10 trees", "adaptive-random-forest", trees, 40e3);
        yield return Learn("patches of 10 adaptive trees", "streaming-random-patches:base=hoeffding-adaptive-tree", Patches, 5e3);
        yield return Learn("patches of 10 naive Bayes", "streaming-random-patches:base=naive-bayes", Patches, 20e3);
        yield return Learn("half-space-trees, 25 trees", "half-space-trees", trees, 150e3);
        foreach (var (kind, asked) in new[] { ("adwin", 10e6), ("page-hinkley", 50e6) })
        {
            var values = DetectorRates.Values();
            var detector = DetectorRates.Create(kind);
            yield return new($"{kind}, values", asked, _ => double.NaN, all => DetectorRates.Update(detector, values, all ? 100 : 5));
        }
    }

    private const int WarmBatches = 40;

    private static int WarmBytes(byte[] text) => Math.Max(1, text.AsSpan(0, Math.Min(text.Length, 8 << 20)).LastIndexOf((byte)'\n') + 1);

    private static List<RowBatch> TakeRows(List<RowBatch> batches, int most)
    {
        var rows = 0;
        return batches.TakeWhile(b => (rows += b.Count) <= most).ToList();
    }

    private static int Fail(string message)
    {
        Console.Error.WriteLine(message);
        return 2;
    }

    /// <param name="what">What is measured.</param>
    /// <param name="asked">Rows a second that are asked for; 0 where none are.</param>
    /// <param name="limit">The figure of the C program that it is held against.</param>
    /// <param name="work">Does it, all or enough to have it compiled, and tells how many rows and what error.</param>
    private sealed class Line(string what, double asked, Func<LimitFigures, double> limit, Func<bool, (long Rows, double Error)> work)
    {
        private readonly List<double> _rates = [];
        private long _rows;
        private double _error, _allocated;

        public string What => what;

        public void Warm() => work(false);

        public void Measure(WorkClock clock)
        {
            var taken = Work.Of(clock, () => (_rows, _error) = work(true));
            _rates.Add(_rows / taken.Seconds);
            _allocated = taken.Allocated / (double)_rows;
        }

        public string Report(List<LimitFigures> theirs)
        {
            var ratio = Work.Median(_rates.Zip(theirs, (our, their) => our / limit(their)));
            return string.Create(CultureInfo.InvariantCulture,
                $"| {what} | {_rows:N0} | {Work.Median(_rates):N0} ({_rates.Min():N0} to {_rates.Max():N0}) | {(asked > 0 ? asked.ToString("N0", CultureInfo.InvariantCulture) : "")} | {(double.IsNaN(ratio) ? "" : ratio.ToString("F2", CultureInfo.InvariantCulture))} | {_allocated:N1} | {(double.IsNaN(_error) ? "" : _error.ToString("F4", CultureInfo.InvariantCulture))} |");
        }
    }
}
