using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace StreamMLOps.Learning;

/// <summary>The one list of model kinds. Settings, documentation and the contract suite all read it.</summary>
public static class ModelRegistry
{
    /// <summary>The newest revision of every kind, in the order of the documentation.</summary>
    public static ImmutableArray<ModelKind> Kinds { get; } =
    [
        LogisticRegression.Kind,
        Arow.Kind,
        ConfidenceWeighted.Kind,
        ConfidenceWeighted.SoftKind,
        PassiveAggressive.Kind,
        Perceptron.Kind,
        Alma.Kind,
        LinearClassifier.Kind,
        LinearRegression.Kind,
        SoftmaxRegression.Kind,
        .. FactorizationMachine.Kinds,
        .. NaiveBayes.Kinds,
        .. HoeffdingTree.Kinds,
        HoeffdingRegressionTree.Kind,
        .. TreeForest.Kinds,
        RegressionForest.Kind,
        .. NearestNeighbours.Kinds,
        .. ClassWeighted.Kinds,
        .. ModelPipeline.Kinds,
        OneVsRest.Kind,
        .. PerKeyModel.Kinds,
        .. DriftRetraining.Kinds,
        SelfTraining.Kind,
        HalfSpaceTrees.Kind,
        Loda.Kind,
        OneClassSvm.Kind,
        OnlineIsolationForest.Kind,
        QuantileThreshold.Kind,
        StreamingKMeans.Kind,
        DenStream.Kind,
    ];

    /// <summary>Revisions before the newest that are still computed, bit for bit: what a journal was begun with goes on.</summary>
    public static ImmutableArray<ModelKind> Earlier { get; } = [.. HoeffdingTree.Earlier, HoeffdingRegressionTree.Earlier, .. TreeForest.Earlier, RegressionForest.Earlier];

    /// <summary>Finds the newest revision of a kind by its name.</summary>
    public static bool TryFind(string name, [NotNullWhen(true)] out ModelKind? kind)
    {
        kind = Kinds.FirstOrDefault(k => k.Name == name);
        return kind is not null;
    }

    /// <summary>Finds a kind in the revision that a journal names.</summary>
    public static bool TryFind(string name, int revision, [NotNullWhen(true)] out ModelKind? kind)
    {
        kind = Kinds.Concat(Earlier).FirstOrDefault(k => k.Name == name && k.Revision == revision);
        return kind is not null;
    }
}
