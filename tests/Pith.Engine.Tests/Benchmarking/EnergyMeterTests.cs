using System.Globalization;

namespace Pith.Benchmarking.Tests;

/// <summary>Energy counters, against trees of files as Linux shows them.</summary>
public sealed class EnergyMeterTests : IDisposable
{
    private const string Package = "class/powercap/intel-rapl:0";

    private readonly string _sysfs = Directory.CreateTempSubdirectory("pith-energy-").FullName;

    public void Dispose() => Directory.Delete(_sysfs, recursive: true);

    [Fact]
    public void Packages_and_memory_count_and_their_parts_do_not()
    {
        Zone(Package, "package-0", 1_000_000);
        Zone($"class/powercap/intel-rapl:0:0", "core", 5);
        Zone($"class/powercap/intel-rapl:0:1", "dram", 2_000_000);
        Zone($"class/powercap/intel-rapl:1", "psys", 9);
        Zone($"class/powercap/intel-rapl-mmio:0", "package-0", 9);
        var meter = EnergyMeter.Find(_sysfs, out var unavailable);
        Assert.Null(unavailable);
        Assert.Equal("package-0, dram", meter!.Source);
        using var span = meter.Start();
        Write($"{Package}/energy_uj", 3_500_000);
        Write("class/powercap/intel-rapl:0:0/energy_uj", 900_000_000);
        Write("class/powercap/intel-rapl:0:1/energy_uj", 2_250_000);
        Assert.Equal(2.75, span.Stop().Joules, 9);
    }

    [Fact]
    public void A_counter_that_wraps_around_goes_on()
    {
        Zone(Package, "package-0", 262_143_328_000, range: 262_143_328_850);
        using var span = EnergyMeter.Find(_sysfs, out _)!.Start();
        Write($"{Package}/energy_uj", 1_000_000);
        // 850 microjoules to the end of the range, then a joule.
        Assert.Equal(1.00085, span.Stop().Joules, 9);
    }

    [Fact]
    public void An_image_costs_what_the_counters_moved_for_it()
    {
        Zone(Package, "package-0", 0);
        var meter = EnergyMeter.Find(_sysfs, out _)!;
        var query = new CountingQuery(this);
        var settings = new BenchmarkSettings { Seconds = 0, WarmUpSeconds = 0, MinRuns = 5 };
        var result = EnergyResult.Measure(meter, new BenchmarkTarget(2, [query]), settings, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(1e-3, result.JoulesPerImage, 9);
        Assert.Equal(1000, result.ImagesPerJoule, 6);
        Assert.Equal(result.Joules / result.Seconds, result.Watts);
    }

    [Fact]
    public void Counters_that_never_move_are_an_error()
    {
        Zone(Package, "package-0", 7);
        var meter = EnergyMeter.Find(_sysfs, out _)!;
        var settings = new BenchmarkSettings { Seconds = 0, WarmUpSeconds = 0, MinRuns = 1 };
        Assert.Contains("did not move", Assert.Throws<PithException>(() => EnergyResult.Measure(meter, new BenchmarkTarget(1, [new NoQuery()]), settings, cancellation: TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sockets_of_hwmon_count_where_there_is_no_rapl()
    {
        Directory.CreateDirectory(Path.Combine(_sysfs, "class/hwmon/hwmon2"));
        WriteText("class/hwmon/hwmon2/name", "amd_energy");
        WriteText("class/hwmon/hwmon2/energy1_label", "Ecore000");
        Write("class/hwmon/hwmon2/energy1_input", 1);
        WriteText("class/hwmon/hwmon2/energy9_label", "Esocket0");
        Write("class/hwmon/hwmon2/energy9_input", 1_000_000);
        var meter = EnergyMeter.Find(_sysfs, out _)!;
        Assert.Equal("Esocket0", meter.Source);
        using var span = meter.Start();
        Write("class/hwmon/hwmon2/energy9_input", 4_000_000);
        Assert.Equal(3, span.Stop().Joules, 9);
    }

    [Fact]
    public void Power_of_the_machine_is_added_up_and_that_of_a_graphics_card_is_not()
    {
        foreach (var (folder, name, microwatts) in ((string, string, long)[])[("hwmon0", "amdgpu", 300_000_000), ("hwmon1", "power_meter", 50_000_000)])
        {
            Directory.CreateDirectory(Path.Combine(_sysfs, "class/hwmon", folder));
            WriteText($"class/hwmon/{folder}/name", name);
            Write($"class/hwmon/{folder}/power1_average", microwatts);
        }
        var meter = EnergyMeter.Find(_sysfs, out _)!;
        Assert.Equal("power_meter", meter.Source);
        using var span = meter.Start();
        Thread.Sleep(20);
        var (joules, seconds) = span.Stop();
        Assert.Equal(50 * seconds, joules, 6);
    }

    [Fact]
    public void A_machine_that_tells_nothing_says_so()
    {
        Assert.Null(EnergyMeter.Find(_sysfs, out var unavailable));
        Assert.Contains("tells no energy", unavailable, StringComparison.Ordinal);
        // Zones without a value are none.
        Zone(Package, "package-0", 0);
        WriteText($"{Package}/energy_uj", "");
        Assert.Null(EnergyMeter.Find(_sysfs, out _));
    }

    [Fact]
    public void Counters_for_root_say_what_to_do()
    {
        // A folder is refused like a file of another user, also to root.
        Zone(Package, "package-0", 0);
        File.Delete(Path.Combine(_sysfs, Package, "energy_uj"));
        Directory.CreateDirectory(Path.Combine(_sysfs, Package, "energy_uj"));
        Assert.Null(EnergyMeter.Find(_sysfs, out var unavailable));
        Assert.Contains("sudo chmod a+r", unavailable, StringComparison.Ordinal);
    }

    private void Zone(string folder, string name, long microjoules, long range = 262_143_328_850)
    {
        Directory.CreateDirectory(Path.Combine(_sysfs, folder));
        WriteText($"{folder}/name", name);
        Write($"{folder}/max_energy_range_uj", range);
        Write($"{folder}/energy_uj", microjoules);
    }

    private void Write(string file, long number) => WriteText(file, number.ToString(CultureInfo.InvariantCulture));

    // Whole at once: a counter is read ten times a second.
    private void WriteText(string file, string text)
    {
        var path = Path.Combine(_sysfs, file);
        File.WriteAllText(path + ".new", text + "\n");
        File.Move(path + ".new", path, overwrite: true);
    }

    private sealed class CountingQuery(EnergyMeterTests tests) : IQuery
    {
        private long _microjoules;

        public void Run() => tests.Write($"{Package}/energy_uj", _microjoules += 2000);
    }

    private sealed class NoQuery : IQuery
    {
        public void Run()
        {
        }
    }
}
