namespace StreamMLOps.Learning;

/// <summary>
/// What a forest answers with beside its trees' votes: naive Bayes over all rows, a linear model over all rows that bets coins, and two sums of log-odds, those of the linear model with a fifth of those of naive Bayes
/// and with those of the votes. Each has a weight that falls with its errors; the answer is their weighted mean. A part of all weight is dealt out anew at each row, so that
/// the best one of late counts most, and none is lost for ever: fixed share (Herbster and Warmuth, "Tracking the best expert", Machine Learning 32 (1998), 151-178).
/// Where the mean is not better than the votes, as on most dense rows, the votes alone are the answer.
/// </summary>
internal sealed class EnsembleExperts
{
    private const int Count = 5;
    private const double Rate = 1;             // of the exponent in which errors count
    private const double Dealt = 0.005;        // share of all weight that is dealt out evenly at each row
    private const double BayesPart = 0.2;      // of the log-odds of naive Bayes, which takes features for independent and is too sure
    private const double Fading = 0.9999;      // of errors, from one row to the next
    private const double Lead = 2;             // errors by which the mean must be better than the votes
    private const double MostWeight = 20;      // of a row
    private const double MostOdds = 30;
    private readonly double[] _weights = new double[Count];
    private double _gain;                      // errors of the votes less those of the mean, faded
    private readonly double[] _answers = new double[Count];
    private readonly double[] _score = new double[1];
    private readonly LinearModel<float, CoinBettingRule<float>> _linear =
        (LinearModel<float, CoinBettingRule<float>>)ModelSpec.Parse(ConfigNode.Of(("algorithm", LinearClassifier.Kind.Name))).Create();

    public EnsembleExperts() => _weights.AsSpan().Fill(1.0 / Count);

    /// <summary>Weight of the votes.</summary>
    public double VotesWeight => _gain > Lead ? _weights[0] : 1;

    /// <summary>The probability of the positive class.</summary>
    /// <param name="row">The row.</param>
    /// <param name="votes">What the trees say of it, as a probability of the positive class.</param>
    /// <param name="bayes">What naive Bayes over all rows says.</param>
    public double Predict(in Row row, double votes, double bayes)
    {
        _linear.Predict(row, _score);
        return Answer(votes, Mean(votes, bayes));
    }

    /// <summary>Predicts, then learns.</summary>
    public double PredictThenLearn(in Row row, double label, double weight, double votes, double bayes)
    {
        _linear.PredictThenLearn(row, label, weight, _score);
        var mean = Mean(votes, bayes);
        var answer = Answer(votes, mean);
        _gain = Fading * _gain + Math.Min(weight, MostWeight) * ((IsWrong(votes, label) ? 1 : 0) - (IsWrong(mean, label) ? 1 : 0));
        var kept = DeterministicMath.Exp(-Rate * Math.Min(weight, MostWeight));
        var sum = 0.0;
        for (var e = 0; e < Count; e++)
        {
            if (IsWrong(_answers[e], label)) _weights[e] *= kept;
            sum += _weights[e];
        }
        for (var e = 0; e < Count; e++) _weights[e] = (1 - Dealt) * (_weights[e] / sum) + Dealt / Count;
        return answer;
    }

    /// <summary>Forgets what the linear model knows of all features but these.</summary>
    public void Keep(ReadOnlySpan<uint> features) => _linear.Keep(features);

    public void Save(StateWriter writer)
    {
        foreach (var weight in _weights) writer.Double(weight);
        writer.Double(_gain);
        _linear.Save(writer);
    }

    public void Load(StateReader reader)
    {
        foreach (ref var weight in _weights.AsSpan())
            if (!((weight = reader.Finite()) > 0)) throw new StateFormatException($"an expert has the weight {weight}: the bytes are damaged");
        _gain = reader.Finite();
        _linear.Load(reader);
    }

    /// <summary>Those of a forest that had none: what knows nothing yet must prove itself first.</summary>
    public static EnsembleExperts BesideTrained()
    {
        var experts = new EnsembleExperts();
        experts._weights.AsSpan().Fill(Dealt / Count);
        experts._weights[0] += 1 - Dealt;
        return experts;
    }

    private double Mean(double votes, double bayes)
    {
        var linear = LogOdds(_score[0]);
        _answers[0] = votes;
        _answers[1] = bayes;
        _answers[2] = _score[0];
        _answers[3] = DeterministicMath.Sigmoid(linear + BayesPart * LogOdds(bayes));
        _answers[4] = DeterministicMath.Sigmoid(linear + LogOdds(votes));
        var mean = 0.0;
        for (var e = 0; e < Count; e++) mean += _weights[e] * _answers[e];
        return mean;
    }

    private double Answer(double votes, double mean) => _gain > Lead ? mean : votes;

    private static bool IsWrong(double answer, double label) => answer > 0.5 != label > 0;

    private static double LogOdds(double probability) => probability <= 0 ? -MostOdds : probability >= 1 ? MostOdds
        : Math.Clamp(DeterministicMath.Log(probability / (1 - probability)), -MostOdds, MostOdds);
}
