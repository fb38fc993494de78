using System.Diagnostics;

namespace StreamMLOps.Learning;

/// <summary>The intercept of a linear model, always in double: absent, learned with a constant rate, or with AdaGrad.</summary>
internal struct Intercept
{
    // Squared and summed for ever it stays finite.
    private const double Largest = 1e100;
    private readonly double _rate;
    private readonly double _epsilon;
    private readonly bool _adaptive;
    private double _squares;

    public Intercept(ParameterValues values)
    {
        var (option, settings) = values.Choice("intercept");
        switch (option)
        {
            case "none":
                break;
            case "constant":
                _rate = settings.Number("rate");
                break;
            case "adagrad":
                _rate = settings.Number("rate");
                _epsilon = settings.Number("epsilon");
                _adaptive = true;
                break;
            default:
                throw new UnreachableException(option);
        }
    }

    public double Value { get; private set; }

    public void Step(double gradient)
    {
        gradient = Math.Clamp(gradient, -Largest, Largest);
        if (!_adaptive)
        {
            Value -= _rate * gradient;
            return;
        }
        _squares += gradient * gradient;
        Value -= _rate * gradient / Math.Sqrt(_squares + _epsilon);
    }

    public readonly void Save(StateWriter writer)
    {
        writer.Double(Value);
        writer.Double(_squares);
    }

    public void Load(StateReader reader)
    {
        Value = reader.Double();
        _squares = reader.Double();
        if (!double.IsFinite(Value) || !double.IsFinite(_squares)) throw new StateFormatException("the intercept is not finite: the bytes are damaged");
    }
}
