using Google.Protobuf;
using Pith.Compression.Data;

namespace Pith.Compression.Training;

/// <summary>
/// A training run for TensorBoard: scalars in a file of TFRecords, each an <c>Event</c> (tensorflow/core/util/event.proto) with a <c>Summary</c> of one or more values. Every process writes a file of its own; TensorBoard
/// reads all files of a folder as one run. One caller at a time.
/// </summary>
internal sealed class EventFile : IDisposable
{
    // Numbers of fields: Event.
    private const int WallTime = 1, Step = 2, FileVersion = 3, SummaryField = 5, SessionLog = 7;

    // Summary, Summary.Value, SessionLog and its status.
    private const int SummaryValue = 1, Tag = 1, SimpleValue = 2, Status = 1, Start = 1;

    private readonly FileStream _file;

    /// <summary>Creates the file, and the folder.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <param name="firstStep">The step that is written first: TensorBoard forgets what an interrupted run wrote from there on, because it is computed again.</param>
    /// <exception cref="PithException">The file cannot be created.</exception>
    public EventFile(string folder, long firstStep)
    {
        try
        {
            Directory.CreateDirectory(folder);
            _file = Create(folder);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new PithException($"Cannot write event files into '{folder}': {failure.Message} Check that it is a folder, is writable and has space left.", failure);
        }
        Add(0, FileVersion, ByteString.CopyFromUtf8("brain.Event:2"));
        Add(firstStep, SessionLog, Message(log => WriteVarint(log, Status, Start)));
        Flush();
    }

    /// <summary>The file.</summary>
    public string Path => _file.Name;

    /// <summary>Adds scalars of one step.</summary>
    /// <exception cref="PithException">The file cannot be written.</exception>
    public void Add(long step, params (string Tag, double Value)[] scalars) => Add(step, SummaryField, Message(summary =>
    {
        foreach (var (tag, value) in scalars)
        {
            var content = Message(field =>
            {
                WriteBytes(field, Tag, ByteString.CopyFromUtf8(tag));
                field.WriteTag(SimpleValue, WireFormat.WireType.Fixed32);
                field.WriteFloat((float)value);
            });
            WriteBytes(summary, SummaryValue, content);
        }
    }));

    /// <summary>Hands what was added to the operating system: it stays when the process is killed.</summary>
    /// <exception cref="PithException">The file cannot be written.</exception>
    public void Flush() => Guarded(() => _file.Flush());

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private void Add(long step, int field, ByteString content)
    {
        var record = Message(fields =>
        {
            fields.WriteTag(WallTime, WireFormat.WireType.Fixed64);
            fields.WriteDouble((DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds);
            WriteVarint(fields, Step, step);
            WriteBytes(fields, field, content);
        });
        Guarded(() => TfRecordFile.Write(_file, record.Span));
    }

    private static FileStream Create(string folder)
    {
        // The name that TensorFlow gives: TensorBoard looks for "tfevents" and reads files in the order of their names.
        var name = FormattableString.Invariant($"events.out.tfevents.{DateTimeOffset.UtcNow.ToUnixTimeSeconds():D10}.{Environment.MachineName}.{Environment.ProcessId}");
        for (var number = 0; ; number++)
        {
            var path = System.IO.Path.Combine(folder, FormattableString.Invariant($"{name}.{number}"));
            if (!File.Exists(path)) return new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, 1 << 16);
        }
    }

    private void Guarded(Action write)
    {
        try
        {
            write();
        }
        catch (IOException failure)
        {
            throw new PithException($"Cannot write the event file '{Path}': {failure.Message}", failure);
        }
    }

    private static ByteString Message(Action<CodedOutputStream> write)
    {
        using var bytes = new MemoryStream();
        using var output = new CodedOutputStream(bytes, leaveOpen: true);
        write(output);
        output.Flush();
        return ByteString.CopyFrom(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    private static void WriteVarint(CodedOutputStream output, int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
    }

    private static void WriteBytes(CodedOutputStream output, int field, ByteString content)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(content);
    }
}
