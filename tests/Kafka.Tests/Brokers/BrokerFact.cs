using Xunit.Abstractions;
using Xunit.Sdk;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>A fact that is reported as skipped, with the reason, where its class needs a broker or program that is not there.</summary>
[XunitTestCaseDiscoverer("StreamMLOps.Pipeline.Tests.BrokerFactDiscoverer", "StreamMLOps.Kafka.Tests")]
public sealed class BrokerFactAttribute : FactAttribute
{
    /// <summary>Whether the test stops the broker, or sets it up.</summary>
    public bool OwnsBroker { get; set; }

    /// <summary>Whether the broker must have transactions, which neither the mock nor the tests' own old one has.</summary>
    public bool NeedsTransactions { get; set; }

    /// <summary>A program that the test runs: <c>kcat</c>, or <c>kafka-python</c> for Python with that package.</summary>
    public string? Program { get; set; }
}

/// <summary>Marks a class whose facts need a real broker.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class RequiresRealBrokerAttribute : Attribute;

/// <summary>Finds the facts; an inherited one asks the class that inherits it.</summary>
public sealed class BrokerFactDiscoverer(IMessageSink diagnostics) : FactDiscoverer(diagnostics)
{
    protected override IXunitTestCase CreateTestCase(ITestFrameworkDiscoveryOptions options, ITestMethod method, IAttributeInfo fact) =>
        new BrokerTestCase(DiagnosticMessageSink, options.MethodDisplayOrDefault(), options.MethodDisplayOptionsOrDefault(), method);
}

/// <summary>A test case that knows its class's needs.</summary>
public sealed class BrokerTestCase : XunitTestCase
{
    [Obsolete("For the de-serializer.")]
    public BrokerTestCase()
    {
    }

    public BrokerTestCase(IMessageSink diagnostics, TestMethodDisplay display, TestMethodDisplayOptions options, ITestMethod method)
        : base(diagnostics, display, options, method)
    {
    }

    protected override string? GetSkipReason(IAttributeInfo fact)
    {
        if (base.GetSkipReason(fact) is { } skipped) return skipped;
        if (fact.GetNamedArgument<bool>(nameof(BrokerFactAttribute.NeedsTransactions)) && RealBroker.WithoutTransactions is { } none) return none;
        if (PeerClient.WhyNot(fact.GetNamedArgument<string?>(nameof(BrokerFactAttribute.Program))) is { } missing) return missing;
        if (!TestMethod.TestClass.Class.GetCustomAttributes(typeof(RequiresRealBrokerAttribute).AssemblyQualifiedName!).Any()) return null;
        return RealBroker.SkipReason ?? (fact.GetNamedArgument<bool>(nameof(BrokerFactAttribute.OwnsBroker)) ? RealBroker.NotOwned : null);
    }
}
