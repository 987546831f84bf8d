using System.Globalization;
using Pith.Platform;

namespace Pith.Benchmarking;

/// <summary>
/// Counts the energy that processor packages and their memory take, where the machine tells: RAPL through Linux's powercap, else energy counters or power sensors of hwmon. What is counted is the whole
/// package, so other programs and the idle machine are part of it. Thread-safe; spans are independent of each other.
/// </summary>
public sealed class EnergyMeter
{
    private readonly IReadOnlyList<IEnergySource> _sources;

    private EnergyMeter(IReadOnlyList<IEnergySource> sources) => _sources = sources;

    /// <summary>What is counted: <c>package-0, dram</c>.</summary>
    public string Source => string.Join(", ", _sources.Select(source => source.Name).Distinct());

    /// <summary>Looks for the machine's counters.</summary>
    /// <param name="unavailable">Null, or why there are none and what to do.</param>
    /// <returns>Null when there are none.</returns>
    public static EnergyMeter? Find(out string? unavailable)
    {
        if (SystemFacts.Sysfs is { } sysfs) return Find(sysfs, out unavailable);
        unavailable = "energy is read from Linux's powercap and hwmon only";
        return null;
    }

    /// <summary>As <see cref="Find(out string?)"/>, in another tree of files.</summary>
    internal static EnergyMeter? Find(string sysfs, out string? unavailable)
    {
        string? refused = null;
        // Kinds count the same energy: the first one is enough.
        foreach (var kind in (Func<string, IEnumerable<IEnergySource>>[])[PowercapZone.All, HwmonCounter.All, HwmonPower.All])
        {
            try
            {
                var sources = kind(sysfs).Where(HasValue).ToArray();
                if (sources.Length == 0) continue;
                unavailable = null;
                return new EnergyMeter(sources);
            }
            catch (UnauthorizedAccessException failure)
            {
                refused ??= failure.Message;
            }
            catch (Exception failure) when (failure is IOException or FormatException or OverflowException)
            {
                // Another kind may do.
            }
        }
        unavailable = refused is null
            ? "this machine tells no energy (neither RAPL under class/powercap nor a sensor under class/hwmon; most virtual machines have none)"
            : $"the counters are for root ({refused.TrimEnd('.')}): run as root, or allow it until the next start: sudo chmod a+r {Path.Combine(sysfs, "class/powercap/intel-rapl:*/energy_uj")}";
        return null;
    }

    // A sensor may have no value at the moment, and then is none.
    private static bool HasValue(IEnergySource source)
    {
        try
        {
            _ = source.Read();
            return true;
        }
        catch (Exception failure) when (failure is IOException or FormatException or OverflowException)
        {
            return false;
        }
    }

    /// <summary>Begins to count.</summary>
    /// <returns>Counts until it is stopped or disposed.</returns>
    public EnergySpan Start() => new(_sources);
}

/// <summary>Energy that is being counted; see <see cref="EnergyMeter.Start"/>. Counters are read ten times a second, so that none wraps around unseen and power sensors are added up.</summary>
public sealed class EnergySpan : IDisposable
{
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(0.1);

    private readonly IReadOnlyList<IEnergySource> _sources;
    private readonly double[] _last;
    private readonly Lock _gate = new();
    private readonly Timer _timer;
    private readonly long _begin = System.Diagnostics.Stopwatch.GetTimestamp();
    private double _lastSeconds;
    private double _joules;
    private bool _stopped;

    internal EnergySpan(IReadOnlyList<IEnergySource> sources)
    {
        _sources = sources;
        _last = [.. sources.Select(source => source.Read())];
        _timer = new Timer(_ => Sample(), null, s_period, s_period);
    }

    /// <summary>Ends counting.</summary>
    /// <returns>Joules since the beginning, and the seconds that it took.</returns>
    /// <exception cref="PithException">A counter cannot be read any more.</exception>
    public (double Joules, double Seconds) Stop()
    {
        Sample();
        Dispose();
        lock (_gate) return double.IsNaN(_joules) ? throw new PithException("An energy counter could not be read to the end of the measurement. Measure again.") : (_joules, _lastSeconds);
    }

    /// <summary>Ends counting.</summary>
    public void Dispose()
    {
        lock (_gate) _stopped = true;
        _timer.Dispose();
    }

    private void Sample()
    {
        lock (_gate)
        {
            if (_stopped) return;
            var seconds = System.Diagnostics.Stopwatch.GetElapsedTime(_begin).TotalSeconds;
            try
            {
                for (var i = 0; i < _last.Length; i++)
                {
                    var now = _sources[i].Read();
                    _joules += _sources[i].Joules(_last[i], now, seconds - _lastSeconds);
                    _last[i] = now;
                }
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or FormatException or OverflowException)
            {
                _joules = double.NaN;
            }
            _lastSeconds = seconds;
        }
    }
}

/// <summary>A file that tells energy or power.</summary>
internal interface IEnergySource
{
    string Name { get; }

    /// <summary>The file's number now.</summary>
    double Read();

    /// <summary>The energy between two readings, in joules.</summary>
    double Joules(double before, double after, double seconds);

    protected static double Number(string file) => ulong.Parse(System.IO.File.ReadAllText(file).AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture);

    protected static string Text(string file, string otherwise) => System.IO.File.Exists(file) ? System.IO.File.ReadAllText(file).Trim() : otherwise;

    protected static IEnumerable<string> Folders(string folder, string pattern) => Directory.Exists(folder) ? Directory.EnumerateDirectories(folder, pattern).Order(StringComparer.Ordinal) : [];
}

/// <summary>A RAPL zone: microjoules that wrap around at a range which the zone tells.</summary>
internal sealed record PowercapZone(string Name, string File, double RangeMicrojoules) : IEnergySource
{
    // Packages, and memory where it has a zone of its own. Cores and graphics are parts of a package; psys is more than the packages. A machine's "mmio" zones are the same packages again.
    public static IEnumerable<IEnergySource> All(string sysfs) =>
        from zone in IEnergySource.Folders(Path.Combine(sysfs, "class", "powercap"), "intel-rapl:*")
        let name = IEnergySource.Text(Path.Combine(zone, "name"), "")
        where name.StartsWith("package", StringComparison.Ordinal) || name == "dram"
        select new PowercapZone(name, Path.Combine(zone, "energy_uj"), IEnergySource.Number(Path.Combine(zone, "max_energy_range_uj")));

    public double Read() => IEnergySource.Number(File);

    public double Joules(double before, double after, double seconds) => (after >= before ? after - before : RangeMicrojoules - before + after) / 1e6;
}

/// <summary>An energy counter of hwmon (amd_energy): microjoules, 64 bits wide. Of sockets, or of cores where there are no sockets.</summary>
internal sealed record HwmonCounter(string Name, string File) : IEnergySource
{
    public static IEnumerable<IEnergySource> All(string sysfs)
    {
        var counters = HwmonPower.Files(sysfs, "energy*_input").Select(file => new HwmonCounter(HwmonPower.Label(file, "_input"), file)).ToArray();
        var sockets = counters.Where(counter => counter.Name.StartsWith("Esocket", StringComparison.Ordinal)).ToArray();
        return sockets.Length > 0 ? sockets : counters;
    }

    public double Read() => IEnergySource.Number(File);

    // A counter that went backwards was reset, in between.
    public double Joules(double before, double after, double seconds) => (after >= before ? after - before : after) / 1e6;
}

/// <summary>A power sensor of hwmon: microwatts, between two readings their mean.</summary>
internal sealed record HwmonPower(string Name, string File) : IEnergySource
{
    // Of the processor, the board or the machine; there are also those of graphics cards, disks and batteries.
    private static readonly string[] s_drivers = ["power_meter", "zenpower", "ina219", "ina226", "ina231", "ina238", "ina3221"];

    public static IEnumerable<IEnergySource> All(string sysfs)
    {
        var averages = Of(sysfs, "_average").ToArray();
        return averages.Length > 0 ? averages : Of(sysfs, "_input");
    }

    public double Read() => IEnergySource.Number(File);

    public double Joules(double before, double after, double seconds) => (before + after) / 2 * seconds / 1e6;

    private static IEnumerable<HwmonPower> Of(string sysfs, string suffix) =>
        from file in Files(sysfs, $"power*{suffix}")
        where s_drivers.Contains(IEnergySource.Text(Path.Combine(Path.GetDirectoryName(file)!, "name"), ""))
        select new HwmonPower(Label(file, suffix), file);

    internal static IEnumerable<string> Files(string sysfs, string pattern) =>
        IEnergySource.Folders(Path.Combine(sysfs, "class", "hwmon"), "hwmon*").SelectMany(folder => Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal));

    // energy1_label beside energy1_input; without it the driver's name.
    internal static string Label(string file, string suffix) =>
        IEnergySource.Text(file[..^suffix.Length] + "_label", IEnergySource.Text(Path.Combine(Path.GetDirectoryName(file)!, "name"), Path.GetFileName(file)));
}
