using System.Globalization;
using System.Text;
using BenchmarkDotNet.Attributes;

namespace StreamMLOps.Learning.Benchmarks;

/// <summary>
/// The core's steps on rows of about 115 non-zeros over 300,000 features, a third of the values real; time and allocation are for
/// one row. The models know the features already: this is the steady state.
/// </summary>
[MemoryDiagnoser]
public class CoreBenchmarks
{
    private const int Rows = 20_000;
    private byte[] _text = [];
    private List<RowBatch> _parsed = [];
    private IModel _model = null!;
    private readonly BinaryMetrics _metrics = new();

    /// <summary>Settings of the model.</summary>
    [Params("sgd", "adagrad", "ftrl")]
    public string Optimizer { get; set; } = "adagrad";

    /// <summary>Number type of the model.</summary>
    [Params("single", "double")]
    public string Precision { get; set; } = "single";

    /// <summary>Writes the rows, parses them, learns them once.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _text = Text();
        _parsed = Stages.ParseAll(_text);
        _model = ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression"), ("optimizer", Optimizer), ("precision", Precision))).Create();
        Stages.Learn(_model, _metrics, _parsed);
    }

    /// <summary>svmlight bytes to rows.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public void Parse() => Stages.Parse(_text);

    /// <summary>Rows to scores.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public double Score()
    {
        Span<double> score = stackalloc double[1];
        var sum = 0.0;
        foreach (var batch in _parsed)
        {
            for (var i = 0; i < batch.Count; i++)
            {
                _model.Predict(batch[i], score);
                sum += score[0];
            }
        }
        return sum;
    }

    /// <summary>Rows scored, measured and learned.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public void Learn() => Stages.Learn(_model, _metrics, _parsed);

    /// <summary>svmlight bytes parsed, scored, measured and learned.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public void TextToLearned() => Stages.TextToLearned(_model, _metrics, _text);

    /// <summary>A score measured.</summary>
    [Benchmark(OperationsPerInvoke = Rows)]
    public void Measure()
    {
        Span<double> score = stackalloc double[1];
        for (var i = 0; i < Rows; i++)
        {
            score[0] = i * (1.0 / Rows);
            _metrics.Update(i & 1, score);
        }
    }

    private static byte[] Text()
    {
        var random = new Random(1);
        var text = new StringBuilder();
        var indices = new SortedSet<int>();
        for (var row = 0; row < Rows; row++)
        {
            indices.Clear();
            while (indices.Count < 115) indices.Add(1 + (int)(300_000 * Math.Pow(random.NextDouble(), 5)));
            text.Append(random.Next(2) == 0 ? "-1" : "+1");
            foreach (var index in indices)
            {
                text.Append(' ').Append(index).Append(':');
                if (random.Next(3) == 0) text.Append(random.NextDouble().ToString("F6", CultureInfo.InvariantCulture));
                else text.Append('1');
            }
            text.Append('\n');
        }
        return Encoding.ASCII.GetBytes(text.ToString());
    }
}
