using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pith.Compression.Quantization;

/// <summary>
/// Results of the steps of a long computation, on disk as soon as each is made: a run that was killed and is started again takes them from there, and ends with the same bits as one that was never interrupted.
/// Text: a line that names what the results belong to, then a line for each step: name, result as JSON, SHA-256 of both, separated by tabs. A line that was cut short, and what follows it, is dropped.
/// One caller at a time.
/// </summary>
internal sealed class StepJournal
{
    private const string Header = "PITH-STEPS 1 ";

    // Errors may be NaN where nothing was tried.
    private static readonly JsonSerializerOptions s_json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, RespectNullableAnnotations = true };

    /// <summary>Keeps nothing.</summary>
    public static readonly StepJournal None = new(null, "", null);

    private readonly string? _path;
    private readonly string _header;
    private readonly Dictionary<string, string> _done = new(StringComparer.Ordinal);
    private readonly StepJournal? _whole;
    private readonly string _section = "";
    private bool _isOpen;

    private StepJournal(StepJournal whole, string section) => (_whole, _header, _section) = (whole, whole._header, section);

    /// <param name="path">The file; null: nothing is kept.</param>
    /// <param name="key">Everything that the results depend on.</param>
    /// <param name="events">Receives a <see cref="Warning"/> when the file belongs to something else; it is replaced then.</param>
    /// <exception cref="PithException">The file cannot be read.</exception>
    public StepJournal(string? path, string key, IProgress<PithEvent>? events)
    {
        (_path, _header) = (path, Header + HashOf(key));
        if (path is null || !File.Exists(path)) return;
        var lines = Read(path).Split('\n');
        if (lines[0] != _header)
        {
            events?.Report(new Warning($"The checkpoint '{path}' belongs to other settings, another model or other data; the step starts from the beginning."));
            return;
        }
        // The last line has no end of its own: it is empty, or was cut short.
        foreach (var line in lines[1..^1])
        {
            if (line.Split('\t') is not [var step, var result, var hash] || HashOf($"{step}\t{result}") != hash) break;
            _done[step] = result;
        }
    }

    /// <summary>A part of this journal for a computation of its own, whose steps may have the names of others.</summary>
    /// <param name="name">A name that no other section has, without tabs and line breaks.</param>
    public StepJournal Section(string name) => new(this, name);

    /// <summary>The number of steps that <see cref="Once"/> need not compute.</summary>
    public int Count => _done.Count;

    /// <summary>The result of a step: as an earlier run has left it, or computed and kept.</summary>
    /// <param name="step">A name that no other step has, without tabs and line breaks.</param>
    /// <param name="compute">Makes the result.</param>
    /// <exception cref="PithException">The file cannot be written.</exception>
    public T Once<T>(string step, Func<T> compute)
    {
        if (_whole is not null) return _whole.Once($"{_section}: {step}", compute);
        if (_done.TryGetValue(step, out var known)) return JsonSerializer.Deserialize<T>(known, s_json)!;
        var result = compute();
        if (_path is { } path) Append(path, step, JsonSerializer.Serialize(result, s_json));
        return result;
    }

    private void Append(string path, string step, string result)
    {
        if (!_isOpen)
        {
            // Without the line that was cut short, or what belonged to something else.
            AtomicFile.WriteText(path, string.Concat(_done.Select(done => Line(done.Key, done.Value)).Prepend(_header + "\n")));
            _isOpen = true;
        }
        try
        {
            using var file = new FileStream(path, FileMode.Append, FileAccess.Write);
            file.Write(Encoding.UTF8.GetBytes(Line(step, result)));
            file.Flush(flushToDisk: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new PithException($"Cannot write the checkpoint '{path}': {failure.Message} Check that the folder is writable and has space left; what is in the file stays valid.", failure);
        }
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new PithException($"Cannot read the checkpoint '{path}': {failure.Message}", failure);
        }
    }

    private static string Line(string step, string result) => $"{step}\t{result}\t{HashOf($"{step}\t{result}")}\n";

    private static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
