<#
.SYNOPSIS
Sets up a post office printer on Windows 10 (21H2 or later) or 11, and the agent that opens its page after printing.
.DESCRIPTION
Run it in PowerShell:  powershell -ExecutionPolicy Bypass -File install.ps1
It asks for the printer's address, then Windows asks whether an administrator agrees. Run it again at any time, also with a new address:
it changes what is there.
.PARAMETER Address
The printer's address from the desk, such as ipps://post.example.org:8631/ipp/print/TOKEN; asked for where it is not given.
.PARAMETER Name
Name of the printer (Post office).
.PARAMETER Desk
Where the desk is; ipp://HOST:PORT gives http://HOST:PORT, ipps://HOST gives https://HOST.
.PARAMETER Default
Make it the default printer of this user.
.PARAMETER NoAgent
Only the printer; the page is then reached from the desk.
.PARAMETER AddressFile
Used by this script itself: the elevated part reads the address from a file, so that it never shows in the list of processes.
.PARAMETER Help
Show this text.
#>
param(
    [string]$Address, [string]$Name = 'Post office', [string]$Desk,
    [switch]$Default, [switch]$NoAgent, [string]$AddressFile, [switch]$Help
)
$ErrorActionPreference = 'Stop'
if ($Help) { Get-Help $PSCommandPath -Detailed; exit 0 }
$mark = 'Post office'  # the comment by which this script and remove.ps1 know our printers

function Stop-Here([string]$text) { Write-Host "install.ps1: $text" -ForegroundColor Red; exit 1 }

function Test-Elevated {
    $identity = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
    return $identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

# Windows shows tokens in its messages; ours must not.
function Hide-Token([string]$text) { return $text -replace '/ipp/print/[^\s"'']+', '/ipp/print/...' }

function Add-Queue([string]$address) {
    if (-not (Get-Command Add-Printer).Parameters.ContainsKey('IppURL')) {
        Stop-Here 'this Windows is too old for IPP printers without a driver: Windows 10 21H2 or later is needed'
    }
    $there = Get-Printer -Name $Name -ErrorAction SilentlyContinue
    if ($there) {
        if ($there.Comment -ne $mark) { Stop-Here "there is a printer '$Name' already, and it is not a post office: choose another -Name" }
        Remove-Printer -Name $Name
    }
    $before = @(Get-Printer | ForEach-Object Name)
    # releases differ in which form of the address they take
    $uri = [Uri]$address
    $port = if ($uri.Port -gt 0) { $uri.Port } else { 631 }
    $scheme = if ($uri.Scheme -eq 'ipps') { 'https' } else { 'http' }
    foreach ($form in $address, "${scheme}://$($uri.Host):$port$($uri.AbsolutePath)") {
        try { Add-Printer -IppURL $form } catch { Write-Host (Hide-Token $_.Exception.Message); continue }
        # Windows makes the queue some time later, or silently not at all
        for ($tries = 0; $tries -lt 60; $tries++) {
            $new = @(Get-Printer | Where-Object { $before -notcontains $_.Name })
            if ($new) {
                if ($new[0].Name -ne $Name) { Rename-Printer -Name $new[0].Name -NewName $Name }
                Set-Printer -Name $Name -Comment $mark
                return
            }
            Start-Sleep -Milliseconds 500
        }
    }
    Stop-Here 'Windows made no printer. Is the address right, its token not revoked, and, for ipps, its certificate trusted by this computer?'
}

if ($AddressFile) {  # the elevated part
    $Address = (Get-Content $AddressFile -Raw).Trim()
    Remove-Item $AddressFile
    Add-Queue $Address
    exit 0
}

if (-not $Address) { $Address = Read-Host 'Paste the printer''s address from the desk, page "Printers"' }
if ($Address -notmatch '^ipps?://[^/\s]+/ipp/print/[A-Za-z0-9._~%-]+$') {
    Stop-Here 'the address must look like ipps://HOST:PORT/ipp/print/TOKEN: copy it again from the desk, page "Printers"'
}
if ($Name -notmatch '^[A-Za-z0-9 _-]{1,60}$') { Stop-Here "a printer's name has only letters, digits, spaces, - and _: $Name" }
$uri = [Uri]$Address
$port = if ($uri.Port -gt 0) { $uri.Port } else { 631 }
if (-not (Test-NetConnection -ComputerName $uri.DnsSafeHost -Port $port -InformationLevel Quiet -WarningAction SilentlyContinue)) {
    Stop-Here "nothing answers at $($uri.Host), port $port. Is the office running, and this computer on its network?"
}

if (Test-Elevated) { Add-Queue $Address }
else {
    $passing = [IO.Path]::GetTempFileName()
    Set-Content -Path $passing -Value $Address
    try {
        $words = "-NoProfile -ExecutionPolicy Bypass -File `"$PSCommandPath`" -Name `"$Name`" -AddressFile `"$passing`""
        $elevated = Start-Process powershell.exe -Verb RunAs -Wait -PassThru -ArgumentList $words
    } catch { Stop-Here 'printers can only be set up with an administrator''s consent, which was not given' }
    finally { if (Test-Path $passing) { Remove-Item $passing } }
    if ($elevated.ExitCode -ne 0 -or -not (Get-Printer -Name $Name -ErrorAction SilentlyContinue)) {
        Stop-Here 'the printer could not be made. Run this again in a PowerShell opened as administrator, with -NoAgent, to read why.'
    }
}
Write-Host "The printer '$Name' is ready."
if ($Default) { (New-Object -ComObject WScript.Network).SetDefaultPrinter($Name) }
if ($NoAgent) { exit 0 }

if (-not $Desk) {
    $Desk = if ($uri.Scheme -eq 'ipps') { "https://$($uri.Host)" } else { "http://$($uri.Host):$port" }
}
if ($Desk -notmatch '^https?://[^\s"]+$') { Stop-Here "the desk's address must begin with http:// or https://: $Desk" }
$folder = Join-Path $env:LOCALAPPDATA 'postoffice'
New-Item -ItemType Directory -Force $folder | Out-Null
Copy-Item (Join-Path $PSScriptRoot 'agent.ps1') $folder -Force
$file = 'agent-' + ($Name -replace '[^A-Za-z0-9_-]', '_')
$token = $Address.Substring($Address.LastIndexOf('/') + 1) | ConvertTo-SecureString -AsPlainText -Force | ConvertFrom-SecureString
@{ desk = $Desk.TrimEnd('/'); token = $token } | ConvertTo-Json | Set-Content (Join-Path $folder "$file.json") -Encoding UTF8

$agent = Join-Path $folder 'agent.ps1'
$words = "-NoProfile -WindowStyle Hidden -ExecutionPolicy Bypass -File `"$agent`" -Printer `"$Name`""
$task = "Post office agent - $Name"
try {
    $me = [Security.Principal.WindowsIdentity]::GetCurrent().Name
    $settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -MultipleInstances IgnoreNew `
        -ExecutionTimeLimit ([TimeSpan]::Zero) -RestartCount 3 -RestartInterval (New-TimeSpan -Minutes 1)
    Register-ScheduledTask -TaskName $task -Force -Trigger (New-ScheduledTaskTrigger -AtLogOn -User $me) -Settings $settings `
        -Action (New-ScheduledTaskAction -Execute 'powershell.exe' -Argument $words) | Out-Null
    Stop-ScheduledTask -TaskName $task
    Start-ScheduledTask -TaskName $task
} catch {
    # many computers let only administrators make tasks; the start-up folder is everybody's
    $link = (New-Object -ComObject WScript.Shell).CreateShortcut((Join-Path ([Environment]::GetFolderPath('Startup')) "$task.lnk"))
    $link.TargetPath = 'powershell.exe'
    $link.Arguments = $words
    $link.WindowStyle = 7
    $link.Save()
    Start-Process powershell.exe -WindowStyle Hidden -ArgumentList $words
}
& powershell.exe -NoProfile -ExecutionPolicy Bypass -File $agent -Printer $Name -Check
if ($LASTEXITCODE -ne 0) {
    Stop-Here "the agent is installed, but the desk at $Desk did not answer it (see above). If that address is wrong, run this again with -Desk"
}
Write-Host "The agent is ready: after printing to '$Name', the page with your letters opens by itself."
