namespace Pith.Cli.Reporting.Html;

/// <summary>A linear axis: maps values to pixels and chooses round tick values.</summary>
internal sealed class Axis
{
    private const int WantedTicks = 5;

    // Smallest span of an axis, relative to its values.
    private const double SmallestSpan = 1e-2;

    private readonly double _from;
    private readonly double _to;
    private readonly double _pixelFrom;
    private readonly double _pixelTo;

    /// <summary>An axis that covers at least <paramref name="low"/> to <paramref name="high"/>, widened to whole ticks.</summary>
    public Axis(double low, double high, double pixelFrom, double pixelTo)
    {
        var size = Math.Max(Math.Abs(low), Math.Abs(high));
        // The axis needs readable ticks even if all values are equal, for example after a single epoch.
        var span = Math.Max(high - low, size > 0 ? size * SmallestSpan : 1);
        Step = RoundStep(span / WantedTicks);
        _from = Math.Floor(low / Step + 1e-9) * Step;
        _to = Math.Ceiling(high / Step - 1e-9) * Step;
        if (_to <= _from) _to = _from + Step;
        _pixelFrom = pixelFrom;
        _pixelTo = pixelTo;
    }

    /// <summary>The distance between ticks: 1, 2 or 5 times a power of ten.</summary>
    public double Step { get; }

    public IEnumerable<double> Ticks
    {
        get
        {
            for (var i = 0; _from + i * Step <= _to + Step * 1e-6; i++) yield return _from + i * Step;
        }
    }

    public double Pixel(double value) => _pixelFrom + (value - _from) / (_to - _from) * (_pixelTo - _pixelFrom);

    /// <summary>As many decimals as the step needs.</summary>
    public string Format(double value) => value.ToString("F" + Math.Max(0, (int)Math.Ceiling(-Math.Log10(Step) - 1e-9)), System.Globalization.CultureInfo.InvariantCulture);

    private static double RoundStep(double raw)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        var mantissa = raw / power;
        return power * (mantissa <= 1 ? 1 : mantissa <= 2 ? 2 : mantissa <= 5 ? 5 : 10);
    }
}
